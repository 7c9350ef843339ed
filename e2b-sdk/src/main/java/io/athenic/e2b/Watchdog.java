package io.athenic.e2b;

import java.time.Duration;

/** Does something when a time is over, unless it is closed before. */
final class Watchdog implements AutoCloseable {
    private final Thread thread;

    private Watchdog(Thread thread) {
        this.thread = thread;
    }

    /** @param time zero: never */
    static Watchdog after(Duration time, Runnable action) {
        if (time.isNegative()) {
            throw new IllegalArgumentException("timeout is negative: " + time);
        }
        var builder = Thread.ofVirtual().name("e2b-deadline");
        if (time.isZero()) {
            return new Watchdog(builder.unstarted(() -> {}));
        }
        return new Watchdog(builder.start(() -> {
            try {
                Thread.sleep(time);
            } catch (InterruptedException e) {
                return;
            }
            action.run();
        }));
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
