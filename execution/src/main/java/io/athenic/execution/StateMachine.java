package io.athenic.execution;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;

/** One value that moves until it is final, and on which threads may wait. A final state never changes again. */
final class StateMachine<S extends Comparable<S>> {
    private final Predicate<S> isFinal;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition moved = lock.newCondition();

    @GuardedBy("lock")
    private S state;

    StateMachine(S initial, Predicate<S> isFinal) {
        this.state = initial;
        this.isFinal = isFinal;
    }

    S get() {
        lock.lock();
        try {
            return state;
        } finally {
            lock.unlock();
        }
    }

    /** Moves forward to {@code next}; false if the state is final or would go backwards. */
    boolean move(S next) {
        lock.lock();
        try {
            if (isFinal.test(state) || next.compareTo(state) <= 0) {
                return false;
            }
            state = next;
            moved.signalAll();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Waits until the state is final; false if it was not within {@code max}. */
    boolean awaitFinal(Duration max) throws InterruptedException {
        long left = max.toNanos();
        lock.lock();
        try {
            while (!isFinal.test(state)) {
                if (left <= 0) {
                    return false;
                }
                left = moved.awaitNanos(left);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** For messages and logs. */
    @Override
    public String toString() {
        return get().toString();
    }

    /** Longest wait that {@link Duration#toNanos()} can hold without overflow is 292 years: callers pass bounded ones. */
    static Duration bounded(Duration wanted) {
        Duration longest = Duration.ofNanos(TimeUnit.DAYS.toNanos(365));
        return wanted.compareTo(longest) > 0 ? longest : wanted;
    }
}
