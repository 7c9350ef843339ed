package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A room as roomd made it, and the guests in it. */
final class Room {
    /** A healthy roomd answers in milliseconds; it works through a queue when many rooms are made at once. */
    static final Duration ROOMD_WAIT = Duration.ofSeconds(30);

    /** For what is told with an end: a room that is being copied answers later. */
    private static final Duration NEWS = Duration.ofSeconds(10);

    /** Kind and first name of a room's agent; those that replace it have a number. */
    static final String AGENT = "agent";

    /** Operations under way in one room: each holds a socket of ours. */
    static final int MAX_CONNECTIONS = 512;

    static final String OUT_OF_MEMORY = "out of memory";
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,8}$");

    private final RoomdClient roomd;
    private final Zygotes zygotes;
    private final Timers timers;
    private final String id;
    private final String template;
    private final Limits limits;
    private final long outputBytes;
    private final EngineMetrics metrics;
    private final GuestMemory memory;
    private final List<String> layers;
    private final Map<String, Guest> guests = new ConcurrentHashMap<>();
    private final AtomicInteger names = new AtomicInteger();
    private final AtomicInteger agents = new AtomicInteger();
    private final AtomicInteger places = new AtomicInteger();
    private final Set<GuestConnection> connections = ConcurrentHashMap.newKeySet();
    private final AtomicLong oomKills = new AtomicLong();
    private final AtomicLong lastUse = new AtomicLong(System.nanoTime());
    private volatile boolean dead;

    /** @param layers of a snapshot, oldest first */
    Room(
            RoomdClient roomd,
            Zygotes zygotes,
            Timers timers,
            String id,
            String template,
            Limits limits,
            long outputBytes,
            EngineMetrics metrics,
            GuestMemory memory,
            List<String> layers) {
        this.roomd = roomd;
        this.zygotes = zygotes;
        this.timers = timers;
        this.id = id;
        this.template = template;
        this.limits = limits;
        this.outputBytes = outputBytes;
        this.metrics = metrics;
        this.memory = memory;
        this.layers = List.copyOf(layers);
    }

    String id() {
        return id;
    }

    String template() {
        return template;
    }

    Limits limits() {
        return limits;
    }

    GuestMemory memory() {
        return memory;
    }

    List<String> layers() {
        return layers;
    }

    Timers timers() {
        return timers;
    }

    boolean dead() {
        return dead;
    }

    /** Takes what roomd lists of a room that an engine before this one made; docs/PROTOCOL.md, section 2. */
    void restore(JsonNode listed, SandboxRecord record) {
        Path folder = Path.of(Json.text(listed, "folder"));
        agents.set(1);
        record.contexts().forEach(context -> seeName(context.guest()));
        listed.path("ended").forEach(guest -> seeName(Json.text(guest, "name")));
        for (JsonNode entry : listed.path("guests")) {
            Guest guest = new Guest(Json.text(entry, "name"));
            guest.listensOn(folder.resolve(guest.name() + ".sock"));
            seeName(guest.name());
            guests.put(guest.name(), guest);
        }
        outOfMemory(listed.path("oomKills").asLong());
    }

    /** No guest gets a name that another one has or had. */
    private void seeName(@Nullable String name) {
        if (name != null) {
            Matcher number = NUMBER.matcher(name);
            if (number.find()) {
                int _ = names.accumulateAndGet(Integer.parseInt(number.group()), Math::max);
            }
        }
    }

    /** The living guest of this name. */
    @Nullable
    Guest guest(String name) {
        return guests.get(name);
    }

    /** The names of the living guests. */
    Set<String> guestNames() {
        return Set.copyOf(guests.keySet());
    }

    RoomdClient.Pending create() {
        return create(false);
    }

    private RoomdClient.Pending create(boolean kept) {
        ObjectNode request =
                request().put("template", Templates.zygote(template)).put("hostname", "sandbox");
        Templates.tree(template).ifPresent(tree -> request.put("tree", tree));
        request.set("limits", limits.toJson());
        if (!layers.isEmpty()) {
            layers.forEach(request.putArray("layers")::add);
        }
        if (kept) {
            request.put("kept", true);
        }
        return roomd.send("room.create", request);
    }

    /** Makes the room again from the disk that was kept of it; its guests start when they are needed. */
    void revive(Duration within) {
        zygotes.ensure(template);
        dead = false;
        try {
            revived(within);
            oomKills.set(0);
        } catch (RuntimeException e) {
            dead = true;
            throw e;
        }
    }

    private void revived(Duration within) {
        try {
            var _ = create(true).await(within);
        } catch (EngineException e) {
            if (e.code() != ErrorCode.FAILED_PRECONDITION) {
                throw e;
            }
            zygotes.exited(template); // perhaps: then another one is started
            zygotes.ensure(template);
            var _ = create(true).await(within);
        }
    }

    /** Begins to start a guest. It is known before roomd answers, so that its exit is never missed. */
    Starting start(String kind, Map<String, String> env, String cwd) {
        Guest guest =
                new Guest(kind.equals(AGENT) && agents.incrementAndGet() == 1 ? AGENT : kind + names.incrementAndGet());
        guests.put(guest.name(), guest);
        ObjectNode request =
                request().put("name", guest.name()).put("kind", kind).put("cwd", cwd);
        request.set("env", Json.stringMap(env));
        try {
            return new Starting(guest, roomd.send("guest.start", request));
        } catch (EngineException e) {
            guests.remove(guest.name());
            throw e;
        }
    }

    /** Starts a guest and waits until it accepts connections; if the zygote has just died another is started first. */
    Guest startNow(String kind, Map<String, String> env, String cwd) {
        long killsBefore = oomKills();
        try {
            return startWithZygote(kind, env, cwd);
        } catch (EngineException e) {
            if (dead || e.code() == ErrorCode.RESOURCE_EXHAUSTED || !outOfMemorySince(killsBefore)) {
                throw e;
            }
            throw new EngineException(
                    ErrorCode.RESOURCE_EXHAUSTED,
                    "no " + kind + " could be started, " + outOfMemoryText()
                            + ". End processes or remove files in /dev/shm, or create a sandbox with more memory",
                    e);
        }
    }

    private Guest startWithZygote(String kind, Map<String, String> env, String cwd) {
        zygotes.ensure(template);
        try {
            return start(kind, env, cwd).await(ROOMD_WAIT);
        } catch (EngineException e) {
            if (e.code() != ErrorCode.FAILED_PRECONDITION || dead) {
                throw e;
            }
            zygotes.exited(template);
            zygotes.ensure(template);
            return start(kind, env, cwd).await(ROOMD_WAIT);
        }
    }

    /** Sends the guest a signal; one that is gone already is no error. */
    void signal(Guest guest, int signal) {
        if (guest.alive() && !dead) {
            try {
                roomd.call("guest.kill", request().put("name", guest.name()).put("signal", signal), ROOMD_WAIT);
            } catch (EngineException e) {
                if (e.code() != ErrorCode.NOT_FOUND) {
                    throw e;
                }
            }
        }
    }

    GuestConnection connect(Guest guest) {
        SocketChannel channel = GuestConnection.socket();
        if (places.incrementAndGet() > MAX_CONNECTIONS) {
            places.decrementAndGet();
            Closing.quietly(channel);
            throw new EngineException(
                    ErrorCode.RESOURCE_EXHAUSTED,
                    "the sandbox has " + MAX_CONNECTIONS + " operations under way: end some of them first");
        }
        GuestConnection connection = GuestConnection.open(channel, guest.socket(), timers, this::leave);
        connections.add(connection);
        if (dead) {
            connection.close();
        }
        return connection;
    }

    /** A connection that waits for the room and is no use of it: it is not counted, and its opener keeps the bound. */
    GuestConnection connectWaiting(Guest guest) {
        GuestConnection connection =
                GuestConnection.open(GuestConnection.socket(), guest.socket(), timers, connections::remove);
        connections.add(connection);
        if (dead) {
            connection.close();
        }
        return connection;
    }

    private void leave(GuestConnection connection) {
        connections.remove(connection);
        lastUse.set(System.nanoTime());
        places.decrementAndGet();
    }

    void guestExited(String name, GuestExit exit) {
        Guest guest = guests.remove(name);
        if (guest != null) {
            guest.exited(exit);
            metrics.guestEnded(kind(name), exit);
        }
    }

    /** Guests are named after their kind, with a number. */
    private static String kind(String name) {
        return name.replaceAll("\\d+$", "");
    }

    void outOfMemory(long kills) {
        long before = oomKills.getAndAccumulate(kills, Math::max);
        metrics.killedForMemory(Math.max(0, kills - before));
    }

    EngineMetrics metrics() {
        return metrics;
    }

    /** What one execution may print. */
    long outputBytes() {
        return outputBytes;
    }

    /**
     * Whether processes were killed for memory since there had been so many. Always asks: one that was killed before the one in question may be
     * all that is known, and then the latter would be told of whatever is killed next. Not waited for long.
     */
    boolean outOfMemorySince(long killsBefore) {
        try {
            return use(NEWS).oomKills() > killsBefore;
        } catch (EngineException _) {
            return oomKills() > killsBefore; // the room went too
        }
    }

    /** For people. */
    String outOfMemoryText() {
        return OUT_OF_MEMORY + ": the limit of this sandbox is " + (limits.memoryBytes() >> 20) + " MiB";
    }

    /** What it was before its pause counts as no time without use. */
    void used() {
        lastUse.set(System.nanoTime());
    }

    /** How long no operation has been under way, in nanoseconds; 0 while there is one. */
    long unusedNanos() {
        return places.get() > 0 ? 0 : System.nanoTime() - lastUse.get();
    }

    /** Processes killed for memory as far as known. */
    long oomKills() {
        return oomKills.get();
    }

    /** Everything in the room is dead, or roomd could not end it: in any case nobody waits for it any more. */
    void markDead() {
        dead = true;
        connections.forEach(GuestConnection::close);
        guests.values().forEach(guest -> guest.exited(new GuestExit.Signal(9)));
        guests.clear();
    }

    ResourceUse use() {
        return use(ROOMD_WAIT);
    }

    private ResourceUse use(Duration wait) {
        JsonNode stat = roomd.call("room.stat", request(), wait);
        ResourceUse use = new ResourceUse(
                stat.path("memoryBytes").asLong(),
                stat.path("memoryLimitBytes").asLong(),
                stat.path("cpuMicros").asLong(),
                stat.path("pids").asLong(),
                stat.path("diskUsedBytes").asLong(),
                stat.path("diskTotalBytes").asLong(),
                stat.path("inodesUsed").asLong(),
                stat.path("inodesTotal").asLong(),
                stat.path("oomKills").asLong());
        outOfMemory(use.oomKills());
        return use;
    }

    /** @param keep should roomd end, the disk is kept */
    void freeze(boolean keep) {
        roomd.call("room.freeze", request().put("keep", keep), ROOMD_WAIT);
    }

    /** Ends everything in the room and keeps its disk. */
    void store() {
        try {
            roomd.call("room.destroy", request().put("keep", true), ROOMD_WAIT);
        } finally {
            markDead();
        }
    }

    /** Deletes the disk that was kept of the room; none is no error. */
    void dropStored() {
        try {
            roomd.call("kept.drop", request(), ROOMD_WAIT);
        } catch (EngineException e) {
            if (e.code() != ErrorCode.NOT_FOUND) {
                throw e;
            }
        }
    }

    void thaw() {
        roomd.call("room.thaw", request(), ROOMD_WAIT);
    }

    /** Returns when nothing of the room is left; a room that is gone already is no error. */
    void destroy() {
        try {
            roomd.call("room.destroy", request(), ROOMD_WAIT);
        } catch (EngineException e) {
            if (e.code() != ErrorCode.NOT_FOUND) {
                throw e;
            }
        } finally {
            markDead();
        }
    }

    private ObjectNode request() {
        return Json.object().put("sandbox", id);
    }

    /** A guest that is being started. */
    final class Starting {
        private final Guest guest;
        private final RoomdClient.Pending answer;

        private Starting(Guest guest, RoomdClient.Pending answer) {
            this.guest = guest;
            this.answer = answer;
        }

        /** The guest once it accepts connections. */
        Guest await(Duration within) {
            try {
                guest.listensOn(Path.of(answer.await(within).path("socket").asText()));
                metrics.guestStarted(kind(guest.name()));
                return guest;
            } catch (EngineException e) {
                guests.remove(guest.name());
                throw e;
            }
        }
    }
}
