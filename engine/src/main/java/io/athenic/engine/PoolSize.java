package io.athenic.engine;

import java.time.Duration;
import java.time.Instant;
import java.util.function.BooleanSupplier;

/**
 * How many rooms a pool is to hold: its base, and more while it is used faster than that serves. A take that finds it empty, or leaves it
 * empty, doubles it up to the maximum. When the base alone would have served for a while, or the machine is short of memory, it is the base
 * again. Its pool's lock guards it.
 */
final class PoolSize {
    static final Duration QUIET = Duration.ofSeconds(60);

    private final int base;
    private final int max;
    private final BooleanSupplier shortOfMemory;
    private int size;
    private Instant needed = Instant.MIN;

    PoolSize(int base, int max, BooleanSupplier shortOfMemory) {
        this.base = base;
        this.max = max;
        this.shortOfMemory = shortOfMemory;
        this.size = base;
    }

    int base() {
        return base;
    }

    int now() {
        return size;
    }

    /** A room was asked for while so many were ready. */
    void taken(int ready, Instant now) {
        int left = ready - 1;
        // The only room of a pool of one is always the last: that says nothing about the demand.
        boolean nearlyEmpty = left < 0 || (left == 0 && size > 1);
        if (nearlyEmpty || left < size - base) {
            needed = now;
        }
        if (nearlyEmpty && size < max && !shortOfMemory.getAsBoolean()) {
            size = Math.min(max, size * 2);
        }
    }

    /** Lets time pass. */
    void tend(Instant now) {
        if (size > base && (!now.isBefore(needed.plus(QUIET)) || shortOfMemory.getAsBoolean())) {
            size = base;
        }
    }
}
