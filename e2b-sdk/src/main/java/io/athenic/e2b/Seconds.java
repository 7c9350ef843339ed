package io.athenic.e2b;

import java.time.Duration;

/** Durations on the wire of the control plane: whole seconds, rounded up so that nothing ends early. */
final class Seconds {
    private Seconds() {}

    static int of(Duration duration) {
        if (duration.isNegative() || duration.compareTo(Duration.ofDays(365)) > 0) {
            throw new IllegalArgumentException("timeout is not within 0 and 365 days: " + duration);
        }
        return Math.toIntExact(duration.plusNanos(999_999_999).toSeconds());
    }
}
