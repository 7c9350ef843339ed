package io.athenic.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finished rooms that wait to be taken. One thread refills it; it lets a moment pass after a take, so that the first code of a new sandbox
 * does not share the processor with the making of the next. Below half of its size the pool is refilled at once, by two threads.
 * A failure is tried again after a pause that doubles.
 */
final class SandboxPool implements AutoCloseable {
    private static final long QUIET_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);
    private static final Logger LOG = LoggerFactory.getLogger(SandboxPool.class);

    private final int size;
    private final Supplier<FinishedRoom> build;
    private final Consumer<Room> destroy;
    private final List<Thread> workers;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private final Deque<FinishedRoom> ready = new ArrayDeque<>();

    @GuardedBy("lock")
    private int building;

    @GuardedBy("lock")
    private long lastTake = System.nanoTime() - QUIET_NANOS;

    @GuardedBy("lock")
    private boolean started;

    @GuardedBy("lock")
    private boolean closed;

    SandboxPool(int size, Supplier<FinishedRoom> build, Consumer<Room> destroy) {
        this.size = size;
        this.build = build;
        this.destroy = destroy;
        this.workers = List.of(
                Thread.ofVirtual().name("pool-1").unstarted(() -> work(size)),
                Thread.ofVirtual().name("pool-2").unstarted(() -> work(size / 2)));
    }

    void start() {
        lock.lock();
        try {
            started = size > 0 && !closed;
            if (!started) {
                return;
            }
        } finally {
            lock.unlock();
        }
        workers.forEach(Thread::start);
    }

    /** A room that is fit for use, or none. */
    Optional<FinishedRoom> take() {
        List<FinishedRoom> unfit = new ArrayList<>();
        Optional<FinishedRoom> taken = Optional.empty();
        lock.lock();
        try {
            while (taken.isEmpty() && !ready.isEmpty()) {
                FinishedRoom room = ready.removeFirst();
                if (room.usable()) {
                    taken = Optional.of(room);
                } else {
                    unfit.add(room);
                }
            }
            lastTake = System.nanoTime();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        unfit.forEach(this::discard);
        return taken;
    }

    /** Takes a room out because something in it died. */
    void died(Room room) {
        lock.lock();
        try {
            List<FinishedRoom> dead =
                    ready.stream().filter(each -> each.room() == room).toList();
            if (dead.isEmpty()) {
                return;
            }
            ready.removeAll(dead);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        LOG.warn("Room {} of the pool died while it waited", room.id());
        destroy.accept(room);
    }

    int ready() {
        lock.lock();
        try {
            return ready.size();
        } finally {
            lock.unlock();
        }
    }

    private void discard(FinishedRoom room) {
        Thread.ofVirtual().name("pool-discard").start(() -> destroy.accept(room.room()));
    }

    private void work(int level) {
        Duration pause = Duration.ZERO;
        try {
            while (awaitNeed(level, pause)) {
                pause = refill(pause);
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt(); // closed
        }
    }

    /** Waits until fewer than {@code level} rooms are ready or being made; false when the pool is closed. */
    private boolean awaitNeed(int level, Duration pause) throws InterruptedException {
        long left = pause.toNanos();
        lock.lock();
        try {
            while (!closed) {
                if (left > 0) {
                    left = changed.awaitNanos(left);
                } else if (ready.size() + building >= level) {
                    changed.await();
                } else {
                    long quiet = lastTake + QUIET_NANOS - System.nanoTime();
                    if (quiet <= 0 || ready.size() < size / 2) {
                        building++;
                        return true;
                    }
                    long _ = changed.awaitNanos(quiet);
                }
            }
            return false;
        } finally {
            lock.unlock();
        }
    }

    private Duration refill(Duration pause) {
        FinishedRoom made = null;
        Duration next = Duration.ZERO;
        try {
            made = build.get();
        } catch (EngineException e) {
            next = pause.isZero() ? FIRST_PAUSE : pause.multipliedBy(2);
            next = next.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : next;
            LOG.warn("The pool could not make a room, next try in {} s: {}", next.toSeconds(), e.getMessage());
        }
        boolean unwanted = false;
        lock.lock();
        try {
            building--;
            if (made != null) {
                unwanted = closed;
                if (!closed) {
                    ready.addLast(made);
                }
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (unwanted && made != null) {
            destroy.accept(made.room());
        }
        return next;
    }

    /** Stops refilling and destroys what waits. */
    @Override
    public void close() {
        List<FinishedRoom> rest;
        boolean wasStarted;
        lock.lock();
        try {
            closed = true;
            wasStarted = started;
            rest = List.copyOf(ready);
            ready.clear();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        workers.forEach(Thread::interrupt);
        rest.forEach(room -> destroy.accept(room.room()));
        for (Thread worker : wasStarted ? workers : List.<Thread>of()) {
            try {
                worker.join(Duration.ofSeconds(10));
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
