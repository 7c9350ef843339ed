package io.athenic.execution;

import io.vertx.core.Future;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Lets a virtual thread write to a Vert.x stream at the pace of its peer: a bound of bytes that were given to the socket and not taken
 * yet. Vert.x itself queues without a bound.
 */
final class WriteWindow {
    private final int bytes;
    private final Semaphore free;
    private volatile boolean failed;

    WriteWindow(int bytes) {
        this.bytes = bytes;
        this.free = new Semaphore(bytes);
    }

    /**
     * Writes when there is room; something larger than the whole window waits until that is empty.
     *
     * @return false if the peer took nothing for {@code max}, or an earlier write failed
     */
    boolean write(int length, Duration max, Supplier<Future<Void>> writing) throws InterruptedException {
        int permits = Math.min(length, bytes);
        if (failed || !free.tryAcquire(permits, max.toNanos(), TimeUnit.NANOSECONDS)) {
            return false;
        }
        var ignored = writing.get().onComplete(result -> {
            if (result.failed()) {
                failed = true;
            }
            free.release(permits);
        });
        return !failed;
    }

    /** Waits until all was taken; false if it was not within {@code max}. */
    boolean drain(Duration max) throws InterruptedException {
        boolean drained = free.tryAcquire(bytes, max.toNanos(), TimeUnit.NANOSECONDS);
        if (drained) {
            free.release(bytes);
        }
        return drained && !failed;
    }
}
