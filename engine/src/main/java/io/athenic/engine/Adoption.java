package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What an engine finds at its start: roomd's rooms, and the records of the sandboxes of the engine before. A room with a record goes on as
 * a sandbox. One without was of the pool, half-made or about to be destroyed: nobody knows whether code of a user ran in it, so it is
 * destroyed. A paused sandbox whose room ended with roomd has a record and a kept disk. A record without either is of no use, nor is the
 * copy of files that a fork under way was to be made from.
 */
final class Adoption {
    private static final Duration LIST = Duration.ofSeconds(10);
    private static final Logger LOG = LoggerFactory.getLogger(Adoption.class);

    private final RoomdClient roomd;
    private final SandboxRecords records;
    private final List<Found> adopted = new ArrayList<>();
    private final List<Found> stored = new ArrayList<>();
    private final List<String> strangers = new ArrayList<>();
    private final List<String> keptStrangers = new ArrayList<>();
    private final List<String> halfForked = new ArrayList<>();

    /** A room that goes on, as roomd lists it, with its record. */
    record Found(JsonNode room, SandboxRecord record) {}

    Adoption(RoomdClient roomd, SandboxRecords records) {
        this.roomd = roomd;
        this.records = records;
    }

    /** Sorts the rooms that {@code hello} and its next pages list; removes the records that are of no use. */
    void sort(JsonNode hello, OnRestart policy, Instant now) {
        Map<String, SandboxRecord> known = new HashMap<>(records.readAll());
        for (JsonNode room : rooms(hello)) {
            String id = Json.text(room, "sandbox");
            SandboxRecord record = known.remove(id);
            String against = record == null ? "it has no record" : against(room, record, policy, now);
            if (record != null && against == null) {
                adopted.add(new Found(room, record));
                continue;
            }
            LOG.info("Room {} of the server's earlier life is destroyed: {}", id, against);
            records.delete(id);
            strangers.add(id);
        }
        for (JsonNode kept : kept()) {
            String id = Json.text(kept, "sandbox");
            SandboxRecord record = known.remove(id);
            if (record == null) {
                LOG.info("The files of sandbox {} are deleted: it has no record", id);
                keptStrangers.add(id);
            } else {
                stored.add(new Found(kept, record));
            }
        }
        for (JsonNode snapshot : Snapshots.listed(roomd)) {
            if (Snapshot.isForFork(snapshot)) {
                halfForked.add(Json.text(snapshot, "snapshot"));
            }
        }
        for (String id : known.keySet()) {
            LOG.info("Sandbox {} ended with roomd while the server was away: its record is removed", id);
            records.delete(id);
        }
    }

    private static @Nullable String against(JsonNode room, SandboxRecord record, OnRestart policy, Instant now) {
        if (policy == OnRestart.SWEEP) {
            return "the configuration says so";
        }
        if (room.path("dead").asBoolean()) {
            return "its processes died while the server was away";
        }
        boolean frozen = room.path("frozen").asBoolean();
        return !frozen && !record.endAt().isAfter(now) ? "its time was over while the server was away" : null;
    }

    private List<JsonNode> rooms(JsonNode hello) {
        List<JsonNode> all = new ArrayList<>();
        JsonNode page = hello;
        while (true) {
            page.path("rooms").forEach(all::add);
            if (!page.path("more").asBoolean() || all.isEmpty()) {
                return all;
            }
            var request = Json.object().put("after", Json.text(all.getLast(), "sandbox"));
            page = roomd.call("room.list", request, LIST);
        }
    }

    private List<JsonNode> kept() {
        List<JsonNode> all = new ArrayList<>();
        while (true) {
            var request = Json.object();
            if (!all.isEmpty()) {
                request.put("after", Json.text(all.getLast(), "sandbox"));
            }
            JsonNode page = roomd.call("kept.list", request, LIST);
            page.path("kept").forEach(all::add);
            if (!page.path("more").asBoolean() || page.path("kept").isEmpty()) {
                return all;
            }
        }
    }

    /** Paused sandboxes of which only the files are there; {@link Found#room} is what roomd says of the kept disk. */
    List<Found> stored() {
        return stored;
    }

    List<Found> adopted() {
        return adopted;
    }

    /** Destroys the rooms that do not go on. One that roomd cannot remove now it removes later. */
    void destroyStrangers() {
        List<RoomdClient.Pending> requests = new ArrayList<>();
        for (String id : keptStrangers) {
            requests.add(roomd.send("kept.drop", Json.object().put("sandbox", id)));
        }
        for (String id : strangers) {
            requests.add(roomd.send("room.destroy", Json.object().put("sandbox", id)));
        }
        for (String id : halfForked) { // after the rooms on them: then their space is free at once
            requests.add(roomd.send("snapshot.drop", Json.object().put("snapshot", id)));
        }
        for (RoomdClient.Pending request : requests) {
            try {
                var _ = request.await(Room.ROOMD_WAIT);
            } catch (EngineException e) {
                LOG.error("A room of the server's earlier life could not be removed: {}", e.getMessage());
            }
        }
    }
}
