package io.athenic.execution;

import java.time.Duration;

/**
 * Bounds of one execution's log.
 *
 * @param memoryBytes what is kept in memory, at most (one event that is larger goes to disk at once)
 * @param diskBytes what is kept on disk, at most; beyond, the oldest is dropped
 * @param coalesce how long output waits for more of the same stream, so that a program that prints byte by byte makes few events
 * @param eventChars the most characters of output in one event
 */
public record LogLimits(long memoryBytes, long diskBytes, Duration coalesce, int eventChars) {
    public static final LogLimits DEFAULT = new LogLimits(1 << 20, 256L << 20, Duration.ofMillis(4), 64 << 10);

    public LogLimits {
        if (memoryBytes < 1024) {
            throw new IllegalArgumentException("memoryBytes is below 1024: " + memoryBytes);
        }
        if (diskBytes < memoryBytes) {
            throw new IllegalArgumentException("diskBytes is below memoryBytes: " + diskBytes);
        }
        if (coalesce.isNegative()) {
            throw new IllegalArgumentException("coalesce is negative: " + coalesce);
        }
        if (eventChars < 2) {
            throw new IllegalArgumentException("eventChars is below 2: " + eventChars);
        }
    }

    /** Events are kept in segments of this many bytes: one is filled in memory while another is written to disk. */
    long segmentBytes() {
        return memoryBytes / 2;
    }
}
