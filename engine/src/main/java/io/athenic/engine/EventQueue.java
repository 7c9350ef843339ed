package io.athenic.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Events between the thread that reads a guest's socket and the caller, bounded in bytes. When it is full the reader waits, the socket
 * fills, and the guest is slowed: that is the flow control. One event larger than the bound is let in when the queue is empty.
 */
final class EventQueue<E> {
    private static final int EVENT_BYTES = 100;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final long maxBytes;

    @GuardedBy("lock")
    private final Deque<Item<E>> items = new ArrayDeque<>();

    @GuardedBy("lock")
    private long bytes;

    @GuardedBy("lock")
    private @Nullable EngineException failure;

    @GuardedBy("lock")
    private boolean writerWaits;

    @GuardedBy("lock")
    private boolean closed;

    EventQueue(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /** What an event of a frame weighs: an empty one is an object all the same. */
    static int weight(Frame frame) {
        return frame.payload().length + EVENT_BYTES;
    }

    /** Waits for room. Dropped when the queue was closed. */
    void put(E event, long size) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (!closed && !items.isEmpty() && bytes + size > maxBytes) {
                writerWaits = true;
                changed.await();
            }
            writerWaits = false;
            if (!closed) {
                items.add(new Item<>(event, size));
                bytes += size;
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Whether a writer waits for the reader to take something. */
    boolean writerWaits() {
        lock.lock();
        try {
            return writerWaits;
        } finally {
            lock.unlock();
        }
    }

    /** Thrown to the reader once it has read what came before. The first failure counts. */
    void fail(EngineException cause) {
        lock.lock();
        try {
            if (failure == null) {
                failure = cause;
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** The next event; null when none came within {@code maxWait}. */
    @Nullable
    E next(Duration maxWait) throws InterruptedException {
        long left = maxWait.toNanos();
        lock.lockInterruptibly();
        try {
            while (items.isEmpty()) {
                if (failure != null) {
                    throw new EngineException(failure.code(), String.valueOf(failure.getMessage()), failure);
                }
                if (closed) {
                    throw new EngineException(ErrorCode.UNAVAILABLE, "the stream was closed");
                }
                if (left <= 0) {
                    return null;
                }
                left = changed.awaitNanos(left);
            }
            Item<E> item = items.remove();
            bytes -= item.size();
            changed.signalAll();
            return item.event();
        } finally {
            lock.unlock();
        }
    }

    /** Drops what waits and wakes both sides. */
    void close() {
        lock.lock();
        try {
            closed = true;
            items.clear();
            bytes = 0;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private record Item<E>(E event, long size) {}
}
