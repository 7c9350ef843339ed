package io.athenic.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Keeps an agent in the room: one that died is replaced when it is needed, and told the sandbox's environment first. */
final class AgentGuest {
    private static final Duration ANSWER = Duration.ofSeconds(10);

    private final Room room;
    private final GuestSlot slot;
    private final Runnable usable;
    private final Map<String, String> env;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private @Nullable Guest prepared;

    /**
     * @param usable throws when the sandbox takes no operations now
     * @param env the sandbox's environment
     */
    AgentGuest(Room room, Guest started, Map<String, String> env, Runnable usable) {
        this.room = room;
        this.usable = usable;
        this.env = env;
        this.slot = new GuestSlot(room, Room.AGENT, "/", Map::of);
        slot.adopt(started);
    }

    String sandbox() {
        return room.id();
    }

    Room room() {
        return room;
    }

    GuestConnection connect() {
        usable.run();
        Guest guest = slot.get();
        if (!prepared(guest)) {
            setEnvironment(guest);
        }
        return room.connect(guest);
    }

    /** Idempotent: two callers that meet a new agent both set the same. */
    private void setEnvironment(Guest guest) {
        if (!env.isEmpty()) {
            var request = Json.object().put("op", "env.set");
            request.set("env", Json.stringMap(env));
            room.connect(guest).call(request, ANSWER);
        }
        lock.lock();
        try {
            prepared = guest;
        } finally {
            lock.unlock();
        }
    }

    private boolean prepared(Guest guest) {
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
