package io.athenic.engine;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The events of one execution, for one reader. A reader that stops reading slows the program. */
public interface CodeStream extends AutoCloseable {
    /**
     * The next event; {@link KernelEvent.Finished} is always the last, also when the kernel dies.
     *
     * @return null when nothing happened within {@code maxWait}
     * @throws EngineException UNAVAILABLE when the stream was closed
     * @throws IllegalStateException after the last event
     */
    @Nullable
    KernelEvent next(Duration maxWait) throws InterruptedException;

    /** Interrupts the code and goes on delivering its events. Code that ignores it for two seconds loses its kernel. */
    void interrupt();

    /**
     * How far the stream has come with the event that {@link #next} gave last: what {@link CodeContext#attach} goes on after.
     *
     * @return 0 unless the execution is durable
     */
    long position();

    /** Of a durable execution: the events up to this position are kept safely, its kernel may forget them. */
    void acknowledge(long position);

    /** Drops the further events. A durable execution goes on, to be attached to again; any other is interrupted. Does not wait. */
    void leave();

    /** Before the end: interrupts the code and drops its further events. Does not wait. */
    @Override
    void close();
}
