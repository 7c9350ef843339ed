package io.athenic.engine;

import java.time.Duration;

/**
 * Bounds of what outlives its use: without them every pause and every snapshot would take a little more of the machine for ever.
 *
 * @param maxPaused paused sandboxes; one more pause is refused, and a sandbox whose time is over then ends
 * @param pausedAge a sandbox that was paused for longer ends
 * @param snapshotBytes all snapshots together on the host's disk; one more is refused
 */
public record Keeping(int maxPaused, Duration pausedAge, long snapshotBytes) {
    /** 200 sandboxes for 7 days, 20 GiB. */
    public static final Keeping DEFAULT = new Keeping(200, Duration.ofDays(7), 20L << 30);

    public Keeping {
        Check.range("maxPaused", maxPaused, 0, 2000);
        Check.range("pausedAge", pausedAge, Duration.ofMinutes(1), Duration.ofDays(3650));
        Check.range("snapshotBytes", snapshotBytes, 0, 1L << 50);
    }
}
