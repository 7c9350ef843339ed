package io.athenic.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** E2B's protocol by hand: no SDK's own work is measured. Thread-safe. */
final class SandboxApi {
    static final ObjectMapper JSON = new ObjectMapper();

    private static final int LIFE_SECONDS = 600;

    /** A created sandbox. */
    record Created(String id, String token) {}

    /** One cell's run, times in nanoseconds since the request was sent. */
    record Run(long firstOutput, long end, String stdout, String result) {}

    private final Transport transport;
    private final URI base;
    private final String key;

    SandboxApi(int port, String key) {
        this(Transport.direct(), URI.create("http://127.0.0.1:" + port), key);
    }

    private SandboxApi(Transport transport, URI base, String key) {
        this.transport = transport;
        this.base = base;
        this.key = key;
    }

    /** The same server by another client. */
    SandboxApi by(Transport other) {
        return new SandboxApi(other, base, key);
    }

    Created create() {
        return create("code-interpreter-v1");
    }

    /** From a template, or from a snapshot by its id. */
    Created create(String template) {
        Map<String, Object> wish = Map.of("templateID", template, "timeout", LIFE_SECONDS, "secure", true);
        return created(json(post("/sandboxes", wish, 201)));
    }

    private static Created created(JsonNode answer) {
        return new Created(
                answer.path("sandboxID").asText(),
                answer.path("envdAccessToken").asText());
    }

    /** With its memory. */
    void pause(Created sandbox) {
        post("/sandboxes/" + sandbox.id() + "/pause", Map.of(), 204);
    }

    void resume(Created sandbox) {
        post("/sandboxes/" + sandbox.id() + "/connect", Map.of("timeout", LIFE_SECONDS), 201);
    }

    /** The id of the new snapshot. */
    String snapshot(Created sandbox) {
        JsonNode answer = json(post("/sandboxes/" + sandbox.id() + "/snapshots", Map.of(), 201));
        return answer.path("snapshotID").asText();
    }

    void deleteSnapshot(String id) {
        send("DELETE", "/templates/" + id, null, 204);
    }

    List<Created> fork(Created sandbox, int count) {
        Map<String, Object> wish = Map.of("count", count, "timeout", LIFE_SECONDS);
        JsonNode answer = json(post("/sandboxes/" + sandbox.id() + "/fork", wish, 201));
        var forks = new ArrayList<Created>();
        for (JsonNode one : answer) {
            if (!one.hasNonNull("sandbox")) {
                throw new IllegalStateException("a fork failed: " + one);
            }
            forks.add(created(one.path("sandbox")));
        }
        return forks;
    }

    void kill(Created sandbox) {
        send("DELETE", "/sandboxes/" + sandbox.id(), null, 204);
    }

    /** The cheapest request of the port: what HTTP alone costs. */
    void ping() {
        send("GET", "/health", null, 204);
    }

    /** Runs a cell in the default Python context and reads its events to the end. */
    Run run(Created sandbox, String code) {
        long start = System.nanoTime();
        var response = cell(sandbox, code);
        long first = 0;
        long end = 0;
        var stdout = new StringBuilder();
        var result = "";
        try (var lines = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8), 1 << 16)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.isBlank()) {
                    continue;
                }
                JsonNode event = JSON.readTree(line);
                switch (event.path("type").asText()) {
                    case "stdout" -> {
                        first = first == 0 ? System.nanoTime() - start : first;
                        stdout.append(event.path("text").asText());
                    }
                    case "result" -> result = event.path("text").asText();
                    case "error" -> throw new IllegalStateException("the cell failed: " + line);
                    case "end_of_execution" -> end = System.nanoTime() - start; // read on, to keep the connection
                    default -> {}
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (end == 0) {
            throw new IllegalStateException("the stream ended before the execution: " + sandbox.id());
        }
        return new Run(first, end, stdout.toString(), result);
    }

    /** Time in nanoseconds to the first output of a cell that is then left alone: closing the stream interrupts it. */
    long firstOutput(Created sandbox, String code) {
        long start = System.nanoTime();
        try (var response = cell(sandbox, code)) {
            var lines = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.contains("\"stdout\"")) {
                    return System.nanoTime() - start;
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new IllegalStateException("no output");
    }

    private Transport.Answer cell(Created sandbox, String code) {
        var headers = Map.of(
                "E2b-Sandbox-Id",
                sandbox.id(),
                "E2b-Sandbox-Port",
                "49999",
                "X-Access-Token",
                sandbox.token(),
                "Content-Type",
                "application/json");
        var answer = transport.send("POST", base.resolve("/execute"), headers, text(Map.of("code", code)));
        if (answer.status() != 200) {
            throw new IllegalStateException("POST /execute: " + answer.status() + " " + answer.text());
        }
        return answer;
    }

    private String post(String path, Map<String, Object> body, int wanted) {
        return send("POST", path, text(body), wanted);
    }

    private String send(String method, String path, @Nullable String body, int wanted) {
        var headers =
                body == null ? Map.of("X-API-KEY", key) : Map.of("X-API-KEY", key, "Content-Type", "application/json");
        var answer = transport.send(method, base.resolve(path), headers, body);
        String text = answer.text();
        if (answer.status() != wanted) {
            throw new IllegalStateException(method + " " + path + ": " + answer.status() + " " + text);
        }
        return text;
    }

    private static String text(Map<String, Object> value) {
        try {
            return JSON.writeValueAsString(value);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static JsonNode json(String text) {
        try {
            return JSON.readTree(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
