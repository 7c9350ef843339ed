package io.athenic.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pool of the usual template, which grows with the demand, and pools of one room for templates that are in frequent use. All
 * together make at most two rooms at once.
 */
final class Pools implements AutoCloseable {
    /** So many uses within {@link #FREQUENT} give a template a pool; so long without any takes it away. */
    static final int USES = 3;

    static final Duration FREQUENT = Duration.ofMinutes(10);

    /** Beyond it no template gets a pool before another has lost its own. */
    static final int MOST = 4;

    private static final int BUILDS_AT_ONCE = 2;
    private static final Logger LOG = LoggerFactory.getLogger(Pools.class);

    /** What the rooms of one pool have in common. */
    record Kind(String template, Limits limits) {}

    /** Makes a room that is warm. */
    interface Build {
        FinishedRoom room(Kind kind);
    }

    private final Kind usualKind;
    private final SandboxPool usual;
    private final boolean none;
    private final InstantSource clock;
    private final PoolHost host;
    private final Build build;
    private final Consumer<Room> destroy;
    private final Semaphore building = new Semaphore(BUILDS_AT_ONCE, true);
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Map<Kind, SandboxPool> others = new HashMap<>();

    /** The last uses, oldest first. */
    @GuardedBy("lock")
    private final Map<Kind, Deque<Instant>> uses = new HashMap<>();

    @GuardedBy("lock")
    private boolean closed;

    Pools(Pooling pooling, Kind usualKind, InstantSource clock, PoolHost host, Build build, Consumer<Room> destroy) {
        this.usualKind = usualKind;
        this.none = pooling.size() == 0;
        this.clock = clock;
        this.host = host;
        this.build = build;
        this.destroy = destroy;
        this.usual = pool(usualKind, pooling.size(), pooling.max());
    }

    private SandboxPool pool(Kind kind, int base, int max) {
        var size = new PoolSize(base, max, host::shortOfMemory);
        return new SandboxPool(size, clock, host::loaded, () -> inTurn(kind), destroy);
    }

    private FinishedRoom inTurn(Kind kind) {
        try {
            building.acquire();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineException(ErrorCode.UNAVAILABLE, "interrupted while waiting to make a room", e);
        }
        try {
            return build.room(kind);
        } finally {
            building.release();
        }
    }

    void start() {
        usual.start();
    }

    /** A room of the usual kind, or of a template that was built here with the limits that it gives. */
    Optional<FinishedRoom> take(Kind kind) {
        if (kind.equals(usualKind)) {
            return usual.take();
        }
        Optional<SandboxPool> own = used(kind);
        return own.flatMap(SandboxPool::take);
    }

    /** Counts a use; the one that makes it frequent starts a pool, which is of use to the next. */
    private Optional<SandboxPool> used(Kind kind) {
        if (none) {
            return Optional.empty();
        }
        Instant now = clock.instant();
        lock.lock();
        try {
            Deque<Instant> last = uses.computeIfAbsent(kind, _ -> new ArrayDeque<>());
            last.addLast(now);
            if (last.size() > USES) {
                last.removeFirst();
            }
            SandboxPool own = others.get(kind);
            boolean frequent = last.size() == USES && !last.getFirst().isBefore(now.minus(FREQUENT));
            if (own == null && frequent && others.size() < MOST && !closed) {
                LOG.info("Template {} is in frequent use: a room of it is kept ready", kind.template());
                own = pool(kind, 1, 1);
                others.put(kind, own);
                own.start();
                return Optional.empty(); // its first room is for the next use, however fast it is made
            }
            return Optional.ofNullable(own);
        } finally {
            lock.unlock();
        }
    }

    /** Called often: returns surplus rooms, replaces old ones, ends pools that nobody uses. Does not wait. */
    void tend() {
        Instant now = clock.instant();
        List<SandboxPool> unused = new ArrayList<>();
        lock.lock();
        try {
            Iterator<Map.Entry<Kind, Deque<Instant>>> all = uses.entrySet().iterator();
            while (all.hasNext()) {
                Map.Entry<Kind, Deque<Instant>> each = all.next();
                if (each.getValue().getLast().isBefore(now.minus(FREQUENT))) {
                    all.remove();
                    Optional.ofNullable(others.remove(each.getKey())).ifPresent(unused::add);
                }
            }
        } finally {
            lock.unlock();
        }
        unused.forEach(pool -> Thread.ofVirtual().name("pool-unused").start(pool::retire));
        all().forEach(SandboxPool::tend);
    }

    /** Ends the pool of a template that is no more; no room of it is being made when this returns. */
    void drop(String template) {
        List<SandboxPool> dropped = new ArrayList<>();
        lock.lock();
        try {
            uses.keySet().removeIf(kind -> kind.template().equals(template));
            others.entrySet()
                    .removeIf(each -> each.getKey().template().equals(template) && dropped.add(each.getValue()));
        } finally {
            lock.unlock();
        }
        dropped.forEach(SandboxPool::retire);
    }

    void died(Room room) {
        all().forEach(pool -> pool.died(room));
    }

    int ready() {
        return all().stream().mapToInt(SandboxPool::ready).sum();
    }

    private List<SandboxPool> all() {
        lock.lock();
        try {
            List<SandboxPool> all = new ArrayList<>(others.values());
            all.add(usual);
            return all;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
        } finally {
            lock.unlock();
        }
        all().forEach(SandboxPool::close);
    }
}
