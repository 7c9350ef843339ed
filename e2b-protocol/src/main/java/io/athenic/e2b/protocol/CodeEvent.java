package io.athenic.e2b.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** One line of the stream that {@code POST /execute} answers. */
public sealed interface CodeEvent {
    /** Name of the field that a durable execution's lines have besides E2B's (docs/PROTOCOL.md, section 5). */
    String POSITION = "position";

    /**
     * A line that was read.
     *
     * @param position how far the execution's stream has come with it; 0: not a durable execution
     */
    record Line(CodeEvent event, long position) {}

    /** The kernel accepted the code. */
    record Accepted(int executionCount) implements CodeEvent {}

    record Stdout(String text, @Nullable Instant timestamp) implements CodeEvent {}

    record Stderr(String text, @Nullable Instant timestamp) implements CodeEvent {}

    /**
     * A value.
     *
     * @param main the value of the last expression; else displayed
     * @param formats by E2B's names ({@code text}, {@code html}, {@code png}, …)
     */
    record Result(boolean main, ObjectNode formats) implements CodeEvent {}

    /** The program failed. */
    record Failed(String name, String value, String traceback) implements CodeEvent {}

    record KeepAlive() implements CodeEvent {}

    /** The last line of every stream. */
    record Ended() implements CodeEvent {}

    /** A type of a later version; to be ignored. */
    record Unknown(String type) implements CodeEvent {}

    /** The line, with its line feed. */
    default byte[] line() {
        return line(0);
    }

    /** The line of a durable execution, which says the position that it reaches; 0: without one. */
    default byte[] line(long position) {
        var json = Json.object();
        switch (this) {
            case Accepted e -> json.put("type", "number_of_executions").put("execution_count", e.executionCount);
            case Stdout e -> output(json, "stdout", e.text, e.timestamp);
            case Stderr e -> output(json, "stderr", e.text, e.timestamp);
            case Result e ->
                json.put("type", "result").put("is_main_result", e.main).setAll(e.formats);
            case Failed e ->
                json.put("type", "error")
                        .put("name", e.name)
                        .put("value", e.value)
                        .put("traceback", e.traceback);
            case KeepAlive e -> json.put("type", "keepalive");
            case Ended e -> json.put("type", "end_of_execution");
            case Unknown e -> json.put("type", e.type);
        }
        if (position > 0) {
            json.put(POSITION, position);
        }
        var text = Json.write(json);
        var line = Arrays.copyOf(text, text.length + 1);
        line[text.length] = '\n';
        return line;
    }

    /** Reads one line.
     *
     * @throws JsonException malformed */
    static CodeEvent parse(String line) {
        return parseLine(line).event();
    }

    /** As {@link #parse}, with the position. */
    static Line parseLine(String line) {
        var json = Json.readObject(line.getBytes(StandardCharsets.UTF_8));
        var position = json.remove(POSITION);
        return new Line(event(json), position == null ? 0 : Math.max(0, position.asLong()));
    }

    private static CodeEvent event(ObjectNode json) {
        var type = json.path("type").asText("");
        return switch (type) {
            case "number_of_executions" ->
                new Accepted(json.path("execution_count").asInt());
            case "stdout" -> new Stdout(json.path("text").asText(""), time(json.path("timestamp")));
            case "stderr" -> new Stderr(json.path("text").asText(""), time(json.path("timestamp")));
            case "result" -> {
                var main = json.path("is_main_result").asBoolean();
                json.remove("type");
                json.remove("is_main_result");
                yield new Result(main, json);
            }
            case "error" ->
                new Failed(
                        json.path("name").asText(""),
                        json.path("value").asText(""),
                        json.path("traceback").asText(""));
            case "keepalive" -> new KeepAlive();
            case "end_of_execution" -> new Ended();
            default -> new Unknown(type);
        };
    }

    private static void output(ObjectNode json, String type, String text, @Nullable Instant timestamp) {
        json.put("type", type).put("text", text);
        if (timestamp != null) {
            json.put("timestamp", timestamp.toString());
        }
    }

    /** E2B's own servers send local times without a zone, too; those are not needed. */
    private static @Nullable Instant time(JsonNode node) {
        try {
            return node.isTextual() ? Json.convert(node, Instant.class) : null;
        } catch (JsonException e) {
            return null;
        }
    }
}
