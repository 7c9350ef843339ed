package io.athenic.engine;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The events of one process, for one reader. Closing leaves the process alive. A reader that stops reading slows it. */
public interface ProcessStream extends AutoCloseable {
    int pid();

    /**
     * The next event, {@link ProcessEvent.Started} first, {@link ProcessEvent.Ended} last.
     *
     * @return null when nothing happened within {@code maxWait}
     * @throws EngineException UNAVAILABLE when the sandbox died or the stream was closed
     * @throws IllegalStateException after the last event
     */
    @Nullable
    ProcessEvent next(Duration maxWait) throws InterruptedException;

    @Override
    void close();
}
