package io.athenic.chat.thread;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The JSON forms of docs/PROTOCOL.md section 7, for the wire and for the store. */
public final class ChatJson {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private ChatJson() {}

    /** The node as text. */
    public static String text(JsonNode node) {
        try {
            return MAPPER.writeValueAsString(node);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException("a tree that we built is not JSON", e);
        }
    }

    /** Parses text that this class wrote. */
    public static JsonNode parse(String json) {
        try {
            return MAPPER.readTree(json);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException("the store holds malformed JSON", e);
        }
    }

    /** An empty object. */
    public static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    /** An empty array. */
    public static ArrayNode array() {
        return JsonNodeFactory.instance.arrayNode();
    }

    /** THREAD without its sandbox, which only a caller who knows its state can describe. */
    public static ObjectNode thread(ChatThread thread) {
        return object().put("id", thread.id())
                .put("title", thread.title())
                .put("createdAt", thread.createdAt().toString())
                .put("updatedAt", thread.updatedAt().toString());
    }

    /** THREAD with {@code sandbox} {sandboxId, state} where it has one. */
    public static ObjectNode thread(ChatThread thread, String sandboxState) {
        ObjectNode json = thread(thread);
        if (thread.sandboxId() != null) {
            json.putObject("sandbox").put("sandboxId", thread.sandboxId()).put("state", sandboxState);
        }
        return json;
    }

    /** MESSAGE. */
    public static ObjectNode message(Message message) {
        ObjectNode json = object().put("id", message.id())
                .put("threadId", message.threadId())
                .put("role", message.role().wire())
                .put("createdAt", message.createdAt().toString())
                .put("status", message.status().wire());
        json.set("parts", parts(message.parts()));
        if (message.data() != null) {
            json.set("data", data(message.data()));
        }
        return json;
    }

    /** A list of PART. */
    public static ArrayNode parts(List<Part> parts) {
        ArrayNode json = array();
        parts.forEach(part -> json.add(part(part)));
        return json;
    }

    private static ObjectNode part(Part part) {
        return switch (part) {
            case Part.Text text -> object().put("type", "text").put("text", text.text());
            case Part.Execution execution -> execution(object().put("type", "execution"), execution);
            case Part.Notice notice ->
                object().put("type", "notice")
                        .put("level", notice.level().wire())
                        .put("text", notice.text());
            case Part.File file ->
                object().put("type", "file").put("path", file.path()).put("size", file.size());
        };
    }

    private static ObjectNode execution(ObjectNode json, Part.Execution execution) {
        json.put("executionId", execution.executionId())
                .put("language", execution.language())
                .put("code", execution.code())
                .put("status", execution.status())
                .put("reason", execution.reason())
                .put("clientId", execution.clientId());
        putIfPresent(json, "sandboxId", execution.sandboxId());
        putIfPresent(json, "summary", execution.summary());
        return json;
    }

    private static void putIfPresent(ObjectNode json, String name, @Nullable String value) {
        if (value != null) {
            json.put(name, value);
        }
    }

    /** The data of an answer that ran code. */
    public static ObjectNode data(MessageData data) {
        return object().put("requiresE2B", true)
                .put("e2bWebSocketUrl", data.webSocketUrl())
                .put("clientId", data.clientId())
                .put("executionId", data.executionId())
                .put("initialStatus", data.initialStatus());
    }

    /** EVENT. */
    public static ObjectNode event(String threadId, Instant at, ThreadEvent event) {
        ObjectNode json = object();
        switch (event) {
            case ThreadEvent.ThreadChanged changed -> {
                json.put("type", "thread");
                json.set("thread", thread(changed.thread(), "unknown"));
            }
            case ThreadEvent.MessageChanged changed -> {
                json.put("type", "message");
                json.set("message", message(changed.message()));
            }
            case ThreadEvent.Delta delta ->
                json.put("type", "delta")
                        .put("messageId", delta.messageId())
                        .put("part", delta.part())
                        .put("text", delta.text());
            case ThreadEvent.RunChanged run -> {
                json.put("type", "run")
                        .put("runId", run.runId())
                        .put("messageId", run.messageId())
                        .put("status", run.status().wire());
                putIfPresent(json, "detail", run.detail());
            }
            case ThreadEvent.ExecutionChanged changed ->
                execution(json.put("type", "execution"), changed.execution())
                        .put("messageId", changed.messageId())
                        .put("e2bWebSocketUrl", changed.webSocketUrl());
            case ThreadEvent.FilesChanged _ -> json.put("type", "files");
        }
        return json.put("threadId", threadId).put("at", at.toString());
    }

    /** Reads what {@link #parts} wrote. */
    public static List<Part> readParts(JsonNode json) {
        List<Part> parts = new ArrayList<>();
        for (JsonNode part : json) {
            parts.add(readPart(part));
        }
        return parts;
    }

    private static Part readPart(JsonNode json) {
        String type = json.path("type").asText();
        return switch (type) {
            case "text" -> new Part.Text(json.path("text").asText());
            case "execution" ->
                new Part.Execution(
                        json.path("executionId").asText(),
                        json.path("language").asText(),
                        json.path("code").asText(),
                        json.path("status").asText(),
                        json.path("reason").asText(),
                        json.path("clientId").asText(),
                        json.path("sandboxId").textValue(),
                        json.path("summary").textValue());
            case "notice" ->
                new Part.Notice(
                        Part.Level.valueOf(json.path("level").asText().toUpperCase(java.util.Locale.ROOT)),
                        json.path("text").asText());
            case "file" ->
                new Part.File(json.path("path").asText(), json.path("size").asLong());
            default -> throw new IllegalStateException("the store holds a part of unknown type: " + type);
        };
    }

    /** Reads what {@link #data} wrote. */
    public static MessageData readData(JsonNode json) {
        return new MessageData(
                json.path("e2bWebSocketUrl").asText(),
                json.path("clientId").asText(),
                json.path("executionId").asText(),
                json.path("initialStatus").asText());
    }
}
