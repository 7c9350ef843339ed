package io.athenic.engine;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes finished rooms and knows all rooms that are there, so that roomd's events find them. */
final class RoomFactory {
    /** More at once take the processors from the code that runs and are not ready sooner. */
    private static final int MAX_AT_ONCE = Math.max(2, Runtime.getRuntime().availableProcessors());

    private static final Logger LOG = LoggerFactory.getLogger(RoomFactory.class);

    private final RoomdClient roomd;
    private final Timers timers;
    private final GuestMemory guestMemory = GuestMemory.ofHeap();
    private final Zygotes zygotes;
    private final Ids ids;
    private final long outputBytes;
    private final HostMemory memory;
    private final EngineMetrics metrics;
    private final Semaphore building = new Semaphore(MAX_AT_ONCE, true);
    private final Map<String, Room> rooms = new ConcurrentHashMap<>();

    RoomFactory(RoomdClient roomd, Timers timers, Zygotes zygotes, Ids ids, Bounds bounds, EngineMetrics metrics) {
        this.roomd = roomd;
        this.timers = timers;
        this.zygotes = zygotes;
        this.ids = ids;
        this.outputBytes = bounds.outputBytes();
        this.metrics = metrics;
        this.memory = new HostMemory(bounds.hostReserveBytes());
    }

    /** Makes a room with its agent and its kernel; waits its turn within the time. */
    FinishedRoom build(String template, Limits limits, Duration within) {
        return build(template, List.of(), limits, within);
    }

    /** As {@link #build(String, Limits, Duration)}, on the layers of a snapshot. */
    FinishedRoom build(String template, List<String> layers, Limits limits, Duration within) {
        memory.check();
        zygotes.ensure(template); // before its turn: others are not held up by the start of one template
        long deadline = System.nanoTime() + within.toNanos();
        try {
            if (!building.tryAcquire(within.toNanos(), TimeUnit.NANOSECONDS)) {
                throw new EngineException(
                        ErrorCode.UNAVAILABLE,
                        "no sandbox could be made within " + within.toSeconds() + " s: try again");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineException(ErrorCode.UNAVAILABLE, "interrupted while waiting to make a sandbox", e);
        }
        try {
            zygotes.ensure(template);
            return make(template, layers, limits, deadline);
        } catch (EngineException e) {
            if (e.code() != ErrorCode.FAILED_PRECONDITION) {
                throw e;
            }
            zygotes.exited(template); // perhaps: then another one is started
            zygotes.ensure(template);
            return make(template, layers, limits, deadline);
        } finally {
            building.release();
        }
    }

    /** As {@link #build}, and returns only when the guests answer: a kernel warms up before its first answer. */
    FinishedRoom buildWarm(String template, Limits limits, Duration within) {
        long deadline = System.nanoTime() + within.toNanos();
        FinishedRoom finished = build(template, limits, within);
        try {
            var ping = Json.object().put("op", "ping");
            finished.room().connect(finished.python()).call(ping, left(deadline));
            finished.room().connect(finished.agent()).call(ping, left(deadline));
            return finished;
        } catch (RuntimeException e) {
            destroyQuietly(finished.room());
            throw e;
        }
    }

    private FinishedRoom make(String template, List<String> layers, Limits limits, long deadline) {
        Room room = new Room(
                roomd, zygotes, timers, ids.sandbox(), template, limits, outputBytes, metrics, guestMemory, layers);
        rooms.put(room.id(), room);
        try {
            room.create().await(left(deadline));
            // One after the other in roomd: the kernel first, which warms up while the agent starts.
            Room.Starting python = room.start(Languages.PYTHON, Map.of(), CodeContext.HOME);
            Room.Starting agent = room.start(Room.AGENT, Map.of(), "/");
            return new FinishedRoom(room, agent.await(left(deadline)), python.await(left(deadline)));
        } catch (RuntimeException e) {
            destroyQuietly(room);
            throw e;
        }
    }

    /** A room that an engine before this one made; its events find it from now on. */
    Room restore(Adoption.Found found) {
        String template = Json.text(found.room(), "template");
        Limits limits = Limits.of(found.room().path("limits"));
        Room room = new Room(
                roomd,
                zygotes,
                timers,
                found.record().id(),
                template,
                limits,
                outputBytes,
                metrics,
                guestMemory,
                found.record().layers());
        room.restore(found.room(), found.record());
        rooms.put(room.id(), room);
        return room;
    }

    /** The room of a paused sandbox of which only the disk is there: it is not made before the sandbox goes on. */
    Room restoreStored(Adoption.Found found) {
        SandboxRecord record = found.record();
        Limits limits = record.spec().limits();
        Room room = new Room(
                roomd,
                zygotes,
                timers,
                record.id(),
                Json.text(found.room(), "template"),
                limits == null ? Limits.DEFAULT : limits,
                outputBytes,
                metrics,
                guestMemory,
                record.layers());
        room.markDead();
        rooms.put(room.id(), room);
        return room;
    }

    private static Duration left(long deadline) {
        return Duration.ofNanos(Math.max(1, deadline - System.nanoTime()));
    }

    /** Whether there is a room that gets its guests from this zygote. */
    boolean needs(String zygote) {
        return rooms.values().stream()
                .anyMatch(room ->
                        !room.dead() && Templates.zygote(room.template()).equals(zygote));
    }

    Optional<Room> find(String id) {
        return Optional.ofNullable(rooms.get(id));
    }

    /** To be called when a room was destroyed. */
    void forget(Room room) {
        rooms.remove(room.id(), room);
    }

    void destroyQuietly(Room room) {
        try {
            room.destroy();
        } catch (EngineException e) {
            LOG.error("Room {} could not be removed: {}", room.id(), e.getMessage());
        } finally {
            forget(room);
        }
    }
}
