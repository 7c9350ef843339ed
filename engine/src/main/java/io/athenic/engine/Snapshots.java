package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;

/** The snapshots that roomd keeps, known here as well: we are its only client. A name belongs to the newest snapshot that was given it. */
final class Snapshots {
    /** A large disk is copied while its sandbox stands still. */
    private static final Duration COPY = Duration.ofMinutes(5);

    /** The tag that a name without one has. */
    private static final String TAG = ":default";

    private static final Pattern NAME =
            Pattern.compile("[a-z0-9](?:[a-z0-9._/-]{0,126}[a-z0-9])?(?::[a-z0-9._-]{1,64})?");

    private final RoomdClient roomd;
    private final long maxBytes;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Map<String, Snapshot> byId = new TreeMap<>();

    @GuardedBy("lock")
    private boolean loaded;

    Snapshots(RoomdClient roomd, long maxBytes) {
        this.roomd = roomd;
        this.maxBytes = maxBytes;
    }

    static Optional<String> checkedName(String name) {
        if (name.isEmpty()) {
            return Optional.empty();
        }
        Check.argument(
                NAME.matcher(name).matches(),
                "a snapshot's name has at most 128 of a-z, 0-9, '.', '_', '-', '/', and perhaps a tag after ':'; not '"
                        + Texts.shorten(name, 60) + "'");
        return Optional.of(name.indexOf(':') < 0 ? name + TAG : name);
    }

    /** @param origin the name of the sandbox's template */
    Snapshot take(String sandbox, String id, Optional<String> name, String origin) {
        ensureLoaded();
        Snapshot made = take(sandbox, id, Snapshot.note(sandbox, origin, name, false));
        lock.lock();
        try {
            byId.put(made.id(), made);
        } finally {
            lock.unlock();
        }
        return made;
    }

    /** One that nobody else finds; its taker drops it, or the next engine does. */
    Snapshot takeForFork(String sandbox, String id, String origin) {
        return take(sandbox, id, Snapshot.note(sandbox, origin, Optional.empty(), true));
    }

    private Snapshot take(String sandbox, String id, String note) {
        var request = Json.object().put("sandbox", sandbox).put("snapshot", id);
        return Snapshot.of(
                roomd.call("snapshot.create", request.put("note", note).put("maxTotalBytes", maxBytes), COPY));
    }

    /** By id, or the newest of that name, with or without the tag. */
    Optional<Snapshot> find(String idOrName) {
        ensureLoaded();
        lock.lock();
        try {
            Snapshot exact = byId.get(idOrName);
            if (exact != null) {
                return Optional.of(exact);
            }
            String name = idOrName.indexOf(':') < 0 ? idOrName + TAG : idOrName;
            return byId.values().stream()
                    .filter(snapshot -> snapshot.name().filter(name::equals).isPresent())
                    .max(Comparator.comparing(Snapshot::createdAt).thenComparing(Snapshot::id));
        } finally {
            lock.unlock();
        }
    }

    /** Newest first. */
    List<Snapshot> list() {
        ensureLoaded();
        lock.lock();
        try {
            return byId.values().stream()
                    .sorted(Comparator.comparing(Snapshot::createdAt)
                            .thenComparing(Snapshot::id)
                            .reversed())
                    .toList();
        } finally {
            lock.unlock();
        }
    }

    /** Its space is free when the last sandbox made from it has ended. False when there is none. */
    boolean delete(String idOrName) {
        Optional<Snapshot> found = find(idOrName);
        if (found.isEmpty()) {
            return false;
        }
        String id = found.get().id();
        try {
            return drop(id);
        } finally {
            forget(id);
        }
    }

    /** False when roomd has none of that id. */
    boolean drop(String id) {
        try {
            var _ = roomd.call("snapshot.drop", Json.object().put("snapshot", id), Room.ROOMD_WAIT);
            return true;
        } catch (EngineException e) {
            if (e.code() != ErrorCode.NOT_FOUND) {
                throw e;
            }
            return false;
        }
    }

    private void forget(String id) {
        lock.lock();
        try {
            byId.remove(id);
        } finally {
            lock.unlock();
        }
    }

    private void ensureLoaded() {
        lock.lock();
        try {
            if (loaded) {
                return;
            }
        } finally {
            lock.unlock();
        }
        List<JsonNode> all = listed(roomd);
        lock.lock();
        try {
            if (loaded) {
                return; // by another: what has been deleted since must not come back
            }
            for (JsonNode each : all) {
                if (!Snapshot.isForFork(each)) {
                    Snapshot snapshot = Snapshot.of(each);
                    byId.putIfAbsent(snapshot.id(), snapshot);
                }
            }
            loaded = true;
        } finally {
            lock.unlock();
        }
    }

    /** All that roomd has, page by page. */
    static List<JsonNode> listed(RoomdClient roomd) {
        List<JsonNode> all = new ArrayList<>();
        while (true) {
            var request = Json.object();
            if (!all.isEmpty()) {
                request.put("after", Json.text(all.getLast(), "snapshot"));
            }
            JsonNode page = roomd.call("snapshot.list", request, Room.ROOMD_WAIT);
            page.path("snapshots").forEach(all::add);
            if (!page.path("more").asBoolean() || page.path("snapshots").isEmpty()) {
                return all;
            }
        }
    }
}
