package io.athenic.e2e.product;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A program that is run to its end, with a deadline. Its output goes to files, so that nobody has to read pipes meanwhile. */
public final class Command {
    /** What a program left behind. */
    public record Outcome(int status, String output, String errors) {
        public String all() {
            return "status " + status + "\n--- stdout\n" + output + "\n--- stderr\n" + errors;
        }
    }

    private final List<String> words;
    private final Map<String, String> environment = new LinkedHashMap<>();
    private Path folder = Path.of(".");
    private String input = "";

    private Command(List<String> words) {
        this.words = List.copyOf(words);
    }

    public static Command of(String... words) {
        return new Command(List.of(words));
    }

    public static Command of(List<String> words) {
        return new Command(words);
    }

    public Command with(Map<String, String> variables) {
        environment.putAll(variables);
        return this;
    }

    public Command in(Path newFolder) {
        folder = newFolder;
        return this;
    }

    public Command input(String text) {
        input = text;
        return this;
    }

    /**
     * Runs it and waits for its end.
     *
     * @throws AssertionError it did not end before the deadline; it is killed with all its children
     */
    public Outcome run(Duration deadline) {
        try {
            Path in = Files.createTempFile("athenic-e2e-", ".in");
            Path out = Files.createTempFile("athenic-e2e-", ".out");
            Path err = Files.createTempFile("athenic-e2e-", ".err");
            try {
                Files.writeString(in, input);
                var builder = new ProcessBuilder(words)
                        .directory(folder.toFile())
                        .redirectInput(in.toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile());
                clean(builder.environment());
                builder.environment().putAll(environment);
                Process process = builder.start();
                boolean ended = process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS);
                if (!ended) {
                    var family = new ArrayList<>(process.descendants().toList());
                    family.add(process.toHandle());
                    family.forEach(ProcessHandle::destroyForcibly);
                    process.waitFor(60, TimeUnit.SECONDS);
                }
                var outcome = new Outcome(ended ? process.exitValue() : -1, read(out), read(err));
                if (!ended) {
                    throw new AssertionError(words + " did not end within " + deadline + "\n" + outcome.all());
                }
                return outcome;
            } finally {
                Files.deleteIfExists(in);
                Files.deleteIfExists(out);
                Files.deleteIfExists(err);
            }
        } catch (IOException e) {
            throw new AssertionError("cannot run " + words, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(words + " was interrupted", e);
        }
    }

    /** What would configure the product behind a test's back: its own variables, models, and E2B's. */
    static void clean(Map<String, String> environment) {
        environment
                .keySet()
                .removeIf(name -> (name.startsWith("ATHENIC_") && !name.equals("ATHENIC_TEST_DATA"))
                        || name.startsWith("E2B_")
                        || name.startsWith("MAVEN_")
                        || name.matches("(ANTHROPIC|OPENAI|GEMINI|OLLAMA)_.*")
                        || name.equals("DATABASE_URL"));
    }

    private static String read(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }
}
