package io.athenic.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Bounds what the large messages of all guests take of our memory, from their first part until the caller is done with them. A kernel may send
 * 32 MiB at once, some dozen kernels of one sandbox at the same time, and a tree costs many times its text: without a bound for all of
 * them together, one sandbox ends the service.
 */
final class GuestMemory {
    /** Messages that cost less are bounded well enough by each stream's queue. */
    static final long FREE_BYTES = 1 << 20;

    static final int NONE = -1;

    /** Of a tree's node besides its text. */
    private static final int NODE_BYTES = 48;

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final int all;
    private final Semaphore free;

    private final Duration patience;

    GuestMemory(long bytes, Duration patience) {
        this.patience = patience;
        this.all = Math.clamp(bytes >> 10, 1, Integer.MAX_VALUE);
        this.free = new Semaphore(all, true);
    }

    /** A sixth of the heap: callers hold copies of what they hand on. */
    static GuestMemory ofHeap() {
        return new GuestMemory(Runtime.getRuntime().maxMemory() / 6, PATIENCE);
    }

    /** What is free, in KiB. */
    int freeKib() {
        return free.availablePermits();
    }

    /** What the tree of a JSON text costs at most: the structural characters bound the number of its nodes. */
    static long cost(byte[] json) {
        long nodes = 1;
        for (byte each : json) {
            if (each == ',' || each == ':' || each == '[' || each == '{') {
                nodes++;
            }
        }
        return json.length + NODE_BYTES * Math.min(nodes, Json.MAX_TOKENS);
    }

    /** What one stream holds. The reader of the guest takes, the caller gives back. */
    final class Share {
        private final ReentrantLock lock = new ReentrantLock();

        @GuardedBy("lock")
        private int held;

        @GuardedBy("lock")
        private boolean closed;

        /**
         * Waits for so much for a message that has {@code already} taken some; one message takes at most all that there is. Returns the KiB
         * taken, {@link #NONE} when they did not become free in time, or nobody reads any more.
         */
        int take(long bytes, int already) throws InterruptedException {
            int kib = (int) Math.min(all - already, (bytes + 1023) >> 10);
            if (!free.tryAcquire(kib, patience.toMillis(), TimeUnit.MILLISECONDS)) {
                return NONE;
            }
            lock.lock();
            try {
                if (!closed) {
                    held += kib;
                    return kib;
                }
            } finally {
                lock.unlock();
            }
            free.release(kib);
            return NONE;
        }

        void giveBack(int kib) {
            int back;
            lock.lock();
            try {
                back = Math.min(kib, held);
                held -= back;
            } finally {
                lock.unlock();
            }
            free.release(back);
        }

        /** Nobody reads any more: all is given back, and no more is taken. */
        void close() {
            lock.lock();
            try {
                closed = true;
            } finally {
                lock.unlock();
            }
            giveBack(Integer.MAX_VALUE);
        }
    }
}
