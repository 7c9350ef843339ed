package io.athenic.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Turns the frames of one execution into events: decodes text, joins long messages (docs/PROTOCOL.md, section 4). */
final class KernelMessages {
    private final Utf8Text stdout = new Utf8Text();
    private final Utf8Text stderr = new Utf8Text();
    private final StringBuilder parts = new StringBuilder();
    private boolean failed;

    /** The events of a frame, none or one mostly. */
    List<KernelEvent> take(Frame frame) throws IOException {
        return switch (frame.type()) {
            case Frame.STDOUT -> text(new KernelEvent.Stdout(stdout.decode(frame.payload())));
            case Frame.STDERR -> text(new KernelEvent.Stderr(stderr.decode(frame.payload())));
            case Frame.JSON -> message(GuestConnection.message(frame));
            default -> throw new ProtocolException("a kernel sends no frames of type " + frame.type());
        };
    }

    private static List<KernelEvent> text(KernelEvent event) {
        boolean empty = switch (event) {
            case KernelEvent.Stdout(String text) -> text.isEmpty();
            case KernelEvent.Stderr(String text) -> text.isEmpty();
            default -> false;
        };
        return empty ? List.of() : List.of(event);
    }

    private List<KernelEvent> message(ObjectNode message) throws IOException {
        return switch (Json.text(message, "type")) {
            case "number_of_executions" -> List.of(new KernelEvent.Accepted(Json.integer(message, "execution_count")));
            case "result" -> List.of(result(message));
            case "error" ->
                failure(new KernelEvent.Failed(
                                Json.text(message, "name"),
                                Json.text(message, "value"),
                                Json.text(message, "traceback")))
                        .map(List::<KernelEvent>of)
                        .orElse(List.of());
            case "part" -> part(message);
            case "end_of_execution" -> end();
            default -> List.of(); // a newer kernel's news are no reason to fail
        };
    }

    private static KernelEvent result(ObjectNode message) {
        boolean main = message.path("is_main_result").asBoolean();
        message.remove(List.of("type", "is_main_result"));
        return new KernelEvent.Result(main, message);
    }

    private List<KernelEvent> part(ObjectNode message) throws IOException {
        String text = Json.text(message, "text");
        if (parts.length() + text.length() > Json.MAX_BYTES) {
            throw new ProtocolException("a message is longer than " + Json.MAX_BYTES + " bytes");
        }
        parts.append(text);
        if (!message.path("last").asBoolean()) {
            return List.of();
        }
        byte[] joined = parts.toString().getBytes(StandardCharsets.UTF_8);
        parts.setLength(0);
        parts.trimToSize();
        ObjectNode whole;
        try {
            whole = Json.parse(joined);
        } catch (IOException _) {
            return failure(new KernelEvent.Failed(
                            "ResultTooLarge", "a result has too many or too deep values to be shown", ""))
                    .map(List::<KernelEvent>of)
                    .orElse(List.of());
        }
        if (Json.text(whole, "type").equals("part")) {
            throw new ProtocolException("a part within parts");
        }
        return message(whole);
    }

    private List<KernelEvent> end() {
        List<KernelEvent> events = new ArrayList<>(rest());
        events.add(new KernelEvent.Finished());
        return events;
    }

    /** What stands for unfinished characters at the end of the output. */
    List<KernelEvent> rest() {
        List<KernelEvent> events = new ArrayList<>(text(new KernelEvent.Stdout(stdout.end())));
        events.addAll(text(new KernelEvent.Stderr(stderr.end())));
        return events;
    }

    /** The first failure of an execution counts. */
    Optional<KernelEvent.Failed> failure(KernelEvent.Failed event) {
        if (failed) {
            return Optional.empty();
        }
        failed = true;
        return Optional.of(event);
    }
}
