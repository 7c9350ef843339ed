package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A copy of a sandbox's files that other sandboxes start from. Memory is not in it.
 *
 * @param template what all its layers lie on
 * @param origin the name that people know that template by
 * @param layers oldest first; the last one is its own
 * @param bytes its own layer on the host's disk
 * @param sandboxId the sandbox that it was taken of
 * @param name given by the caller
 */
public record Snapshot(
        String id,
        String template,
        String origin,
        List<String> layers,
        long bytes,
        Instant createdAt,
        String sandboxId,
        Optional<String> name) {
    private static final String FOR_FORK = "forFork";

    public Snapshot {
        layers = List.copyOf(layers);
    }

    /** What roomd keeps for us beside the image. */
    static String note(String sandboxId, String origin, Optional<String> name, boolean forFork) {
        ObjectNode note = Json.object().put("sandbox", sandboxId).put("template", origin);
        name.ifPresent(text -> note.put("name", text));
        if (forFork) {
            note.put(FOR_FORK, true);
        }
        return new String(Json.bytes(note), StandardCharsets.UTF_8);
    }

    /** Whether what roomd lists is of no use once its fork is made. */
    static boolean isForFork(JsonNode answer) {
        return noteOf(Json.text(answer, "note")).path(FOR_FORK).asBoolean();
    }

    static Snapshot of(JsonNode answer) {
        List<String> layers = new ArrayList<>();
        answer.path("layers").forEach(layer -> layers.add(layer.asText()));
        JsonNode note = noteOf(Json.text(answer, "note"));
        return new Snapshot(
                Json.text(answer, "snapshot"),
                Json.text(answer, "template"),
                Json.optionalText(note, "template").orElseGet(() -> Templates.shown(Json.text(answer, "template"))),
                layers,
                answer.path("bytes").asLong(),
                Instant.ofEpochMilli(answer.path("createdMillis").asLong()),
                Json.text(note, "sandbox"),
                Json.optionalText(note, "name"));
    }

    private static JsonNode noteOf(String text) {
        try {
            return Json.parse(text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            return Json.object(); // of somebody else: it has no name then
        }
    }
}
