package io.athenic.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finished rooms that wait to be taken. One thread refills it; it lets a moment pass after a take, so that the first code of a new sandbox
 * does not share the processor with the making of the next. Below half of its size the pool is refilled at once, by two threads.
 * While the machine is loaded one thread refills it, to its base size. A failure is tried again after a pause that doubles. A room that
 * has waited for long is replaced.
 */
final class SandboxPool implements AutoCloseable {
    private static final long QUIET_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    static final Duration OLD = Duration.ofMinutes(30);
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);
    private static final Duration JOIN = Duration.ofSeconds(10);
    private static final Logger LOG = LoggerFactory.getLogger(SandboxPool.class);

    private final InstantSource clock;
    private final BooleanSupplier loaded;
    private final Supplier<FinishedRoom> build;
    private final Consumer<Room> destroy;
    private final List<Thread> workers;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private final PoolSize size;

    /** Oldest first. */
    @GuardedBy("lock")
    private final Deque<Waiting> ready = new ArrayDeque<>();

    @GuardedBy("lock")
    private int building;

    @GuardedBy("lock")
    private long lastTake = System.nanoTime() - QUIET_NANOS;

    @GuardedBy("lock")
    private boolean started;

    @GuardedBy("lock")
    private boolean closed;

    private record Waiting(FinishedRoom room, Instant since) {}

    SandboxPool(
            PoolSize size,
            InstantSource clock,
            BooleanSupplier loaded,
            Supplier<FinishedRoom> build,
            Consumer<Room> destroy) {
        this.size = size;
        this.clock = clock;
        this.loaded = loaded;
        this.build = build;
        this.destroy = destroy;
        this.workers = List.of(
                Thread.ofVirtual().name("pool-1").unstarted(() -> work(true)),
                Thread.ofVirtual().name("pool-2").unstarted(() -> work(false)));
    }

    void start() {
        lock.lock();
        try {
            started = size.base() > 0 && !closed;
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
            size.taken(ready.size(), clock.instant());
            while (taken.isEmpty() && !ready.isEmpty()) {
                FinishedRoom room = ready.removeFirst().room();
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
        discard(unfit);
        return taken;
    }

    /** Called often: takes out what is too much, or too old, one of these at a time so that the pool is not empty meanwhile. */
    void tend() {
        Instant now = clock.instant();
        List<FinishedRoom> out = new ArrayList<>();
        lock.lock();
        try {
            if (!started || closed) {
                return;
            }
            size.tend(now);
            while (ready.size() > size.now()) {
                out.add(ready.removeFirst().room());
            }
            Waiting oldest = ready.peekFirst();
            if (oldest != null
                    && building == 0
                    && ready.size() >= size.base()
                    && !now.isBefore(oldest.since().plus(OLD))) {
                out.add(ready.removeFirst().room());
            }
            if (ready.size() + building < size.now()) {
                changed.signalAll(); // the machine may be less loaded than it was
            }
        } finally {
            lock.unlock();
        }
        discard(out);
    }

    /** Takes a room out because something in it died. */
    void died(Room room) {
        lock.lock();
        try {
            if (!ready.removeIf(each -> each.room().room() == room)) {
                return;
            }
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

    private void discard(List<FinishedRoom> rooms) {
        if (!rooms.isEmpty()) {
            Thread.ofVirtual().name("pool-discard").start(() -> rooms.forEach(room -> destroy.accept(room.room())));
        }
    }

    private void work(boolean first) {
        Duration pause = Duration.ZERO;
        try {
            while (awaitNeed(first, pause)) {
                pause = refill(pause);
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt(); // closed
        }
    }

    /** To how many rooms the first or the second thread fills the pool now. */
    @GuardedBy("lock")
    private int level(boolean first) {
        if (loaded.getAsBoolean()) {
            return first ? size.base() : 0;
        }
        return first ? size.now() : size.now() / 2;
    }

    /** Waits until there is a room to be made; false when the pool is closed. */
    private boolean awaitNeed(boolean first, Duration pause) throws InterruptedException {
        long left = pause.toNanos();
        lock.lock();
        try {
            while (!closed) {
                if (left > 0) {
                    left = changed.awaitNanos(left);
                } else if (ready.size() + building >= level(first)) {
                    changed.await();
                } else {
                    long quiet = lastTake + QUIET_NANOS - System.nanoTime();
                    if (quiet <= 0 || ready.size() < level(true) / 2) {
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
                unwanted = closed || !made.usable(); // when it died before it is here, died() does not find it
                if (!unwanted) {
                    ready.addLast(new Waiting(made, clock.instant()));
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
        end(true);
    }

    /** As {@link #close}, while the engine goes on: a room that is being made is finished, since only then it can be destroyed. */
    void retire() {
        end(false);
    }

    private void end(boolean interrupt) {
        List<Waiting> rest;
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
        if (interrupt) {
            workers.forEach(Thread::interrupt);
        }
        rest.forEach(each -> destroy.accept(each.room().room()));
        for (Thread worker : wasStarted ? workers : List.<Thread>of()) {
            try {
                worker.join(JOIN);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
