package io.athenic.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** Taking samples. */
final class Samples {
    private Samples() {}

    /** Runs {@code warmup} times for nothing, then {@code count} times; each gives nanoseconds. In milliseconds. */
    static List<Double> millis(int warmup, int count, LongSupplier nanoseconds) {
        for (int i = 0; i < warmup; i++) {
            var _ = nanoseconds.getAsLong();
        }
        var values = new ArrayList<Double>(count);
        for (int i = 0; i < count; i++) {
            values.add(nanoseconds.getAsLong() / 1e6);
        }
        return values;
    }

    static long nanos(Runnable action) {
        long start = System.nanoTime();
        action.run();
        return System.nanoTime() - start;
    }

    static void pause(long millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }
}
