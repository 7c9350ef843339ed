package io.athenic.execution;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.execution.ExecutionEvent.Failed;
import io.athenic.execution.ExecutionEvent.Result;
import io.athenic.execution.ExecutionEvent.Status;
import io.athenic.execution.ExecutionEvent.Stderr;
import io.athenic.execution.ExecutionEvent.Stdout;
import io.athenic.execution.ExecutionEvent.Summary;
import io.athenic.execution.ExecutionEvent.Truncated;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Events to the JSON of the WebSocket and back. The log keeps the JSON, so that it is made once for all readers. */
final class EventCodec {
    private EventCodec() {}

    static byte[] encode(String executionId, long sequence, Instant time, ExecutionEvent event) {
        ObjectNode json = Json.object();
        json.put("type", type(event))
                .put("sequence", sequence)
                .put("timestamp", time.toString())
                .put("executionId", executionId);
        switch (event) {
            case Status status -> {
                json.put("status", status.status().wire()).put("message", status.message());
                putText(json, "sandboxId", status.sandboxId());
                Duration duration = status.duration();
                if (duration != null) {
                    json.put("duration", duration.toMillis());
                }
            }
            case Stdout out -> json.put("data", out.text());
            case Stderr err -> json.put("data", err.text());
            case Result result -> json.set("data", result.data());
            case Summary summary -> {
                json.put("duration", summary.duration().toMillis());
                json.set("data", summary.data());
            }
            case Failed failed -> {
                json.put("error", failed.error());
                putText(json, "name", failed.name());
                putText(json, "value", failed.value());
                putText(json, "traceback", failed.traceback());
            }
            case Truncated gap -> {
                json.put("from", gap.from()).put("to", gap.to()).put("message", "Output was dropped: " + gap.why());
                if (gap.noSpace()) {
                    json.put("noSpace", true);
                }
            }
        }
        try {
            return Json.MAPPER.writeValueAsBytes(json);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** When it happened. */
    static Instant time(byte[] bytes) {
        return Instant.parse(parse(bytes).path("timestamp").asText());
    }

    static ExecutionEvent decode(byte[] bytes) {
        JsonNode json = parse(bytes);
        String type = json.path("type").asText();
        return switch (type) {
            case "status" ->
                new Status(
                        ExecutionStatus.fromWire(json.path("status").asText()),
                        json.path("message").asText(),
                        textOf(json, "sandboxId"),
                        durationOf(json));
            case "stdout" -> new Stdout(json.path("data").asText());
            case "stderr" -> new Stderr(json.path("data").asText());
            case "result" -> {
                Duration duration = durationOf(json);
                yield duration == null ? new Result(json.path("data")) : new Summary(json.path("data"), duration);
            }
            case "error" ->
                new Failed(
                        json.path("error").asText(),
                        textOf(json, "name"),
                        textOf(json, "value"),
                        textOf(json, "traceback"));
            case "truncated" ->
                new Truncated(
                        json.path("from").asLong(),
                        json.path("to").asLong(),
                        json.path("noSpace").asBoolean());
            default -> throw new IllegalArgumentException("unknown type of event: " + type);
        };
    }

    private static JsonNode parse(byte[] bytes) {
        try {
            return Json.MAPPER.readTree(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String type(ExecutionEvent event) {
        return switch (event) {
            case Status _ -> "status";
            case Stdout _ -> "stdout";
            case Stderr _ -> "stderr";
            case Result _ -> "result";
            case Summary _ -> "result";
            case Failed _ -> "error";
            case Truncated _ -> "truncated";
        };
    }

    private static void putText(ObjectNode json, String field, @Nullable String value) {
        if (value != null) {
            json.put(field, value);
        }
    }

    private static @Nullable String textOf(JsonNode json, String field) {
        JsonNode value = json.get(field);
        return value == null || value.isNull() ? null : value.asText();
    }

    private static @Nullable Duration durationOf(JsonNode json) {
        JsonNode value = json.get("duration");
        return value == null ? null : Duration.ofMillis(value.asLong());
    }
}
