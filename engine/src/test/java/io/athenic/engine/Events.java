package io.athenic.engine;

import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Collects the events of a stream up to its end, or fails. */
final class Events {
    static final Duration LONG = Duration.ofSeconds(60);

    private Events() {}

    static List<KernelEvent> run(CodeContext context, String code) throws InterruptedException {
        try (CodeStream stream = context.execute(code, Map.of())) {
            return rest(stream);
        }
    }

    static List<KernelEvent> rest(CodeStream stream) throws InterruptedException {
        List<KernelEvent> events = new ArrayList<>();
        do {
            events.add(next(stream));
        } while (!(events.getLast() instanceof KernelEvent.Finished));
        return events;
    }

    static KernelEvent next(CodeStream stream) throws InterruptedException {
        KernelEvent event = stream.next(LONG);
        if (event == null) {
            throw new AssertionError("no event within " + LONG);
        }
        return event;
    }

    static String stdout(List<KernelEvent> events) {
        return events.stream()
                .map(event -> event instanceof KernelEvent.Stdout(String text) ? text : "")
                .collect(Collectors.joining());
    }

    /** The text of the main result, or "". */
    static String result(List<KernelEvent> events) {
        return events.stream()
                .map(event -> event instanceof KernelEvent.Result result && result.main()
                        ? result.formats().path("text").asText()
                        : "")
                .collect(Collectors.joining());
    }

    static KernelEvent.Failed failure(List<KernelEvent> events) {
        return events.stream()
                .filter(KernelEvent.Failed.class::isInstance)
                .map(KernelEvent.Failed.class::cast)
                .findFirst()
                .orElseThrow(() -> new AssertionError("no failure in " + events));
    }

    /** What a process printed, and how it ended. */
    record Output(String stdout, String stderr, ProcessEvent.Ended end) {}

    static Output run(Agent agent, ProcessSpec spec) throws InterruptedException {
        try (ProcessStream stream = agent.start(spec)) {
            return rest(stream);
        }
    }

    static Output rest(ProcessStream stream) throws InterruptedException {
        ByteArrayOutputStream stdout = new ByteArrayOutputStream();
        ByteArrayOutputStream stderr = new ByteArrayOutputStream();
        while (true) {
            ProcessEvent event = next(stream);
            switch (event) {
                case ProcessEvent.Started _ -> {}
                case ProcessEvent.Stdout(byte[] bytes) -> stdout.writeBytes(bytes);
                case ProcessEvent.Pty(byte[] bytes) -> stdout.writeBytes(bytes);
                case ProcessEvent.Stderr(byte[] bytes) -> stderr.writeBytes(bytes);
                case ProcessEvent.Ended end -> {
                    return new Output(
                            stdout.toString(java.nio.charset.StandardCharsets.UTF_8),
                            stderr.toString(java.nio.charset.StandardCharsets.UTF_8),
                            end);
                }
            }
        }
    }

    static ProcessEvent next(ProcessStream stream) throws InterruptedException {
        ProcessEvent event = stream.next(LONG);
        if (event == null) {
            throw new AssertionError("no event within " + LONG);
        }
        return event;
    }
}
