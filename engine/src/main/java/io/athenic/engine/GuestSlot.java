package io.athenic.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Holds the one guest of a kind that should be there, starts it when it is needed and not alive. Callers that come while it starts wait
 * for that start; nothing is called while the lock is held.
 */
final class GuestSlot {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Room room;
    private final String kind;
    private final String cwd;
    private final Supplier<Map<String, String>> env;
    private final Runnable replaced;

    @GuardedBy("lock")
    private @Nullable Guest guest;

    @GuardedBy("lock")
    private boolean starting;

    @GuardedBy("lock")
    private int starts;

    @GuardedBy("lock")
    private @Nullable String closedBecause;

    /** @param replaced called after each start of a guest, without a lock */
    GuestSlot(Room room, String kind, String cwd, Supplier<Map<String, String>> env, Runnable replaced) {
        this.replaced = replaced;
        this.room = room;
        this.kind = kind;
        this.cwd = cwd;
        this.env = env;
    }

    /** Takes a guest that was started ahead of time. */
    void adopt(Guest started) {
        restore(started, 1);
    }

    /** Takes what an engine before this one has left: the guest if it lives, and how many there were. */
    void restore(@Nullable Guest living, int startsBefore) {
        lock.lock();
        try {
            guest = living;
            starts = startsBefore;
        } finally {
            lock.unlock();
        }
    }

    /** How many guests this slot has had. */
    int starts() {
        lock.lock();
        try {
            return starts;
        } finally {
            lock.unlock();
        }
    }

    /** The living guest, started when there is none. */
    Guest get() {
        long left = Room.ROOMD_WAIT.toNanos();
        lock.lock();
        try {
            while (true) {
                if (closedBecause != null) {
                    throw new EngineException(ErrorCode.NOT_FOUND, closedBecause);
                }
                if (guest != null && guest.alive()) {
                    return guest;
                }
                if (!starting) {
                    starting = true;
                    break;
                }
                if (left <= 0) {
                    throw new EngineException(
                            ErrorCode.DEADLINE_EXCEEDED, "the " + kind + " guest did not start in time");
                }
                left = changed.awaitNanos(left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineException(ErrorCode.UNAVAILABLE, "interrupted while the " + kind + " guest started", e);
        } finally {
            lock.unlock();
        }
        return start();
    }

    private Guest start() {
        Guest started = null;
        try {
            started = room.startNow(kind, env.get(), cwd);
            return started;
        } finally {
            boolean unwanted;
            lock.lock();
            try {
                starting = false;
                unwanted = closedBecause != null;
                if (started != null) {
                    guest = started;
                    starts++;
                }
                changed.signalAll();
            } finally {
                lock.unlock();
            }
            if (unwanted && started != null) {
                room.signal(started, 9);
            } else if (started != null) {
                replaced.run();
            }
        }
    }

    /** The guest if one lives, without starting one. */
    @Nullable
    Guest current() {
        lock.lock();
        try {
            return guest != null && guest.alive() ? guest : null;
        } finally {
            lock.unlock();
        }
    }

    /** Kills the guest if it is the given one and waits until it is gone; the next {@link #get} starts another. */
    void kill(Guest which, Duration maxWait) throws InterruptedException {
        room.signal(which, 9);
        if (which.awaitExit(maxWait).isEmpty() && which.alive()) {
            throw new EngineException(ErrorCode.UNAVAILABLE, "the " + kind + " guest could not be ended");
        }
    }

    /** Starts nothing any more. */
    void close(String because) {
        lock.lock();
        try {
            closedBecause = because;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
