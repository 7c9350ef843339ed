package io.athenic.engine;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The changes below a folder, until closed. */
public interface WatchStream extends AutoCloseable {
    /**
     * The next change.
     *
     * @return null when nothing happened within {@code maxWait}
     * @throws EngineException UNAVAILABLE when the sandbox died or the stream was closed
     */
    @Nullable
    WatchEvent next(Duration maxWait) throws InterruptedException;

    @Override
    void close();
}
