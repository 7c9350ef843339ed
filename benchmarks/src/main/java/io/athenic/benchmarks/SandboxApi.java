package io.athenic.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** E2B's protocol by hand, over the JDK's client: no SDK's own work is measured. Thread-safe. */
final class SandboxApi implements AutoCloseable {
    static final ObjectMapper JSON = new ObjectMapper();

    private static final int LIFE_SECONDS = 600;

    /** A created sandbox. */
    record Created(String id, String token) {}

    /** One cell's run, times in nanoseconds since the request was sent. */
    record Run(long firstOutput, long end, String stdout, String result) {}

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final URI base;
    private final String key;

    SandboxApi(int port, String key) {
        this.base = URI.create("http://127.0.0.1:" + port);
        this.key = key;
    }

    Created create() {
        return create("code-interpreter-v1");
    }

    /** From a template, or from a snapshot by its id. */
    Created create(String template) {
        Map<String, Object> wish = Map.of("templateID", template, "timeout", LIFE_SECONDS, "secure", true);
        return created(json(send(post("/sandboxes", wish), 201)));
    }

    private static Created created(JsonNode answer) {
        return new Created(
                answer.path("sandboxID").asText(),
                answer.path("envdAccessToken").asText());
    }

    /** With its memory. */
    void pause(Created sandbox) {
        send(post("/sandboxes/" + sandbox.id() + "/pause", Map.of()), 204);
    }

    void resume(Created sandbox) {
        send(post("/sandboxes/" + sandbox.id() + "/connect", Map.of("timeout", LIFE_SECONDS)), 201);
    }

    /** The id of the new snapshot. */
    String snapshot(Created sandbox) {
        JsonNode answer = json(send(post("/sandboxes/" + sandbox.id() + "/snapshots", Map.of()), 201));
        return answer.path("snapshotID").asText();
    }

    void deleteSnapshot(String id) {
        send(control("/templates/" + id).DELETE().build(), 204);
    }

    List<Created> fork(Created sandbox, int count) {
        Map<String, Object> wish = Map.of("count", count, "timeout", LIFE_SECONDS);
        JsonNode answer = json(send(post("/sandboxes/" + sandbox.id() + "/fork", wish), 201));
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
        send(control("/sandboxes/" + sandbox.id()).DELETE().build(), 204);
    }

    /** The cheapest request of the port: what HTTP alone costs. */
    void ping() {
        var response = exchange(HttpRequest.newBuilder(base.resolve("/health")).build(), BodyHandlers.ofString());
        if (response.statusCode() / 100 != 2) {
            throw new IllegalStateException("GET /health: " + response.statusCode());
        }
    }

    /** Runs a cell in the default Python context and reads its events to the end. */
    Run run(Created sandbox, String code) {
        long start = System.nanoTime();
        var response = exchange(cell(sandbox, code), BodyHandlers.ofInputStream());
        if (response.statusCode() != 200) {
            throw new IllegalStateException("POST /execute: " + response.statusCode());
        }
        long first = 0;
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
                    case "end_of_execution" -> {
                        return new Run(first, System.nanoTime() - start, stdout.toString(), result);
                    }
                    default -> {}
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new IllegalStateException("the stream ended before the execution: " + sandbox.id());
    }

    /** Time in nanoseconds to the first output of a cell that is then left alone: closing the stream interrupts it. */
    long firstOutput(Created sandbox, String code) {
        long start = System.nanoTime();
        var response = exchange(cell(sandbox, code), BodyHandlers.ofInputStream());
        try (InputStream body = response.body();
                var lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8))) {
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

    private HttpRequest cell(Created sandbox, String code) {
        try {
            return HttpRequest.newBuilder(base.resolve("/execute"))
                    .header("E2b-Sandbox-Id", sandbox.id())
                    .header("E2b-Sandbox-Port", "49999")
                    .header("X-Access-Token", sandbox.token())
                    .header("Content-Type", "application/json")
                    .timeout(Duration.ofMinutes(2))
                    .POST(BodyPublishers.ofString(JSON.writeValueAsString(Map.of("code", code))))
                    .build();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private HttpRequest post(String path, Map<String, Object> body) {
        try {
            return control(path)
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofString(JSON.writeValueAsString(body)))
                    .build();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private HttpRequest.Builder control(String path) {
        return HttpRequest.newBuilder(base.resolve(path))
                .header("X-API-KEY", key)
                .timeout(Duration.ofMinutes(1));
    }

    private HttpResponse<String> send(HttpRequest request, int wanted) {
        var response = exchange(request, BodyHandlers.ofString());
        if (response.statusCode() != wanted) {
            throw new IllegalStateException(request.method() + " "
                    + request.uri().getPath() + ": " + response.statusCode() + " " + response.body());
        }
        return response;
    }

    private <T> HttpResponse<T> exchange(HttpRequest request, HttpResponse.BodyHandler<T> handler) {
        try {
            return client.send(request, handler);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    private static JsonNode json(HttpResponse<String> response) {
        try {
            return JSON.readTree(response.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        client.shutdownNow();
    }
}
