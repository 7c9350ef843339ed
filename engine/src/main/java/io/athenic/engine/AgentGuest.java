package io.athenic.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps an agent in the room: one that died is replaced when it is needed, and told the sandbox's environment first. */
final class AgentGuest {
    private static final Logger LOG = LoggerFactory.getLogger(AgentGuest.class);
    private static final Duration ANSWER = Duration.ofSeconds(10);

    /** Waiting for the news of an agent's end, which come on another socket than its silence. */
    private static final Duration NEWS = Duration.ofSeconds(2);

    private final Room room;
    private final GuestSlot slot;
    private final Runnable usable;
    private final Map<String, String> env;
    private final Optional<Preparation> preparation;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private @Nullable Guest prepared;

    /** A request that is sent to every new agent. */
    record Preparation(ObjectNode request) {}

    /**
     * @param started the agent that runs; null: one is started when it is needed
     * @param usable throws when the sandbox takes no operations now
     * @param env the sandbox's environment
     */
    AgentGuest(
            Room room,
            @Nullable Guest started,
            Map<String, String> env,
            Optional<Preparation> preparation,
            Runnable usable) {
        this.preparation = preparation;
        this.room = room;
        this.usable = usable;
        this.env = env;
        this.slot = new GuestSlot(room, Room.AGENT, "/", Map::of, () -> {});
        slot.restore(started, started == null ? 0 : 1);
    }

    String sandbox() {
        return room.id();
    }

    Room room() {
        return room;
    }

    GuestConnection connect() {
        return connect(room::connect);
    }

    /** For the proxy's door: see {@link Room#connectWaiting}. */
    GuestConnection connectWaiting() {
        return connect(room::connectWaiting);
    }

    private GuestConnection connect(Function<Guest, GuestConnection> way) {
        usable.run();
        Guest guest = slot.get();
        try {
            return way.apply(prepared(guest));
        } catch (EngineException e) {
            if (e.code() != ErrorCode.UNAVAILABLE || !guest.endsWithin(NEWS) || room.dead()) {
                throw e;
            }
            return way.apply(ready()); // it had died, and the news came after our look
        }
    }

    /** Makes the agent ready for its sandbox before anybody needs it. */
    void prepareNow() {
        Guest _ = ready();
    }

    private Guest ready() {
        usable.run();
        return prepared(slot.get());
    }

    private Guest prepared(Guest guest) {
        if (!isPrepared(guest)) {
            prepare(guest);
        }
        return guest;
    }

    /** Idempotent: two callers that meet a new agent both set the same. */
    private void prepare(Guest guest) {
        if (!env.isEmpty()) {
            var request = Json.object().put("op", "env.set");
            request.set("env", Json.stringMap(env));
            room.connect(guest).call(request, ANSWER);
        }
        preparation.ifPresent(wanted -> {
            var notes = room.connect(guest)
                    .call(wanted.request(), ANSWER)
                    .path("ok")
                    .path("notes");
            if (!notes.isEmpty()) {
                LOG.warn("Sandbox {}: {}", room.id(), Texts.shorten(notes.toString(), 500));
            }
        });
        lock.lock();
        try {
            prepared = guest;
        } finally {
            lock.unlock();
        }
    }

    private boolean isPrepared(Guest guest) {
        lock.lock();
        try {
            return prepared == guest;
        } finally {
            lock.unlock();
        }
    }

    void close(String because) {
        slot.close(because);
    }
}
