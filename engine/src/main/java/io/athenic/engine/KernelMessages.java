package io.athenic.engine;

import com.fasterxml.jackson.core.JsonProcessingException;
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
    private final GuestMemory.Share memory;
    private boolean failed;
    private boolean skipping;
    private int partsKib;
    private int takenKib;
    private long weight;

    KernelMessages(GuestMemory.Share memory) {
        this.memory = memory;
    }

    /** What the events of the last frame weigh in a queue. */
    long weight() {
        return weight;
    }

    /** What was taken of the memory for large messages for the events of the last frame; whoever is done with them gives it back. */
    int takenKib() {
        return takenKib;
    }

    /** Whether a message has begun that is still without its last part. */
    boolean joining() {
        return skipping || !parts.isEmpty();
    }

    /** The events of a frame, none or one mostly. */
    List<KernelEvent> take(Frame frame) throws IOException, InterruptedException {
        weight = EventQueue.weight(frame);
        takenKib = 0;
        return switch (frame.type()) {
            case Frame.STDOUT -> text(new KernelEvent.Stdout(stdout.decode(frame.payload())));
            case Frame.STDERR -> text(new KernelEvent.Stderr(stderr.decode(frame.payload())));
            case Frame.JSON -> json(frame);
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

    private List<KernelEvent> json(Frame frame) throws IOException, InterruptedException {
        ObjectNode message = GuestConnection.message(frame);
        if (Json.text(message, "type").equals("part")) {
            return part(message);
        }
        weight = Math.max(weight, GuestMemory.cost(frame.payload()));
        if (weight > GuestMemory.FREE_BYTES) {
            int kib = memory.take(weight, 0);
            takenKib = Math.max(0, kib);
            if (kib == GuestMemory.NONE) {
                return tooLarge("the service holds as many large results as it can");
            }
        }
        return message(message);
    }

    private List<KernelEvent> tooLarge(String why) {
        return failure(new KernelEvent.Failed("ResultTooLarge", why, ""))
                .map(List::<KernelEvent>of)
                .orElse(List.of());
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
            case "part" -> throw new ProtocolException("a part within parts");
            case "end_of_execution" -> end();
            default -> List.of(); // a newer kernel's news are no reason to fail
        };
    }

    private static KernelEvent result(ObjectNode message) {
        boolean main = message.path("is_main_result").asBoolean();
        message.remove(List.of("type", "is_main_result"));
        return new KernelEvent.Result(main, message);
    }

    private List<KernelEvent> part(ObjectNode message) throws IOException, InterruptedException {
        String text = Json.text(message, "text");
        boolean last = message.path("last").asBoolean();
        if (parts.length() + text.length() > Json.MAX_BYTES) {
            throw new ProtocolException("a message is longer than " + Json.MAX_BYTES + " bytes");
        }
        if (!skipping && !text.isEmpty()) {
            // Its characters here, their bytes, and the texts of the tree.
            int kib = memory.take(4L * text.length(), partsKib);
            skipping = kib == GuestMemory.NONE;
            if (!skipping) {
                partsKib += kib;
                parts.append(text);
            }
        }
        if (skipping) {
            forgetParts();
            skipping = !last;
            return last ? tooLarge("the service holds as many large results as it can") : List.of();
        }
        if (!last) {
            return List.of();
        }
        byte[] joined = parts.toString().getBytes(StandardCharsets.UTF_8);
        parts.setLength(0);
        parts.trimToSize();
        weight = GuestMemory.cost(joined);
        takenKib = partsKib;
        partsKib = 0;
        try {
            return message(Json.parse(joined));
        } catch (JsonProcessingException _) {
            return tooLarge("a result has too many or too deep values to be shown");
        }
    }

    private void forgetParts() {
        parts.setLength(0);
        parts.trimToSize();
        memory.giveBack(partsKib);
        partsKib = 0;
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
