package io.athenic.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * {@code ./athenic ask} and {@code exec}: a client of a running server, over the same HTTP and WebSocket interfaces as the browser (docs/PROTOCOL.md,
 * sections 6 and 7). Output of the program goes to stdout and stderr as it comes; what Athenic says goes to stdout for {@code ask}.
 */
final class Terminal implements AutoCloseable {
    static final int FAILED = 1;
    /** The exit status of the model or of the service failing, as opposed to the user's program. */
    static final int SERVICE_FAILED = 70;

    private static final ObjectMapper JSON = new ObjectMapper();

    private final URI base;
    private final HttpClient http = HttpClient.newBuilder()
            .connectTimeout(Duration.ofSeconds(10))
            .version(HttpClient.Version.HTTP_1_1)
            .build();
    private final PrintStream out;
    private final PrintStream err;

    Terminal(URI base, PrintStream out, PrintStream err) {
        this.base = base;
        this.out = out;
        this.err = err;
    }

    @Override
    public void close() {
        http.close();
    }

    /** Sends one message in a thread of its own, which is deleted afterwards. Returns the exit status of the last execution, 0 when nothing ran. */
    int ask(String message) throws IOException, InterruptedException {
        JsonNode thread = post("/api/threads", JSON.createObjectNode());
        String path = "/api/threads/" + thread.path("id").asText();
        try {
            JsonNode sent = post(path + "/messages", JSON.createObjectNode().put("text", message));
            return follow(path + "/events?after=0", sent.path("runId").asText());
        } finally {
            delete(path);
        }
    }

    private int follow(String path, String runId) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(base.resolve(path))
                .header("Accept", "text/event-stream")
                .build();
        HttpResponse<java.io.InputStream> response = http.send(request, BodyHandlers.ofInputStream());
        if (response.statusCode() != 200) {
            throw new IOException("the event stream was refused with status " + response.statusCode());
        }
        int status = 0;
        var attached = new java.util.HashSet<String>();
        var answer = new Answer();
        try (var lines = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.startsWith("data:")) {
                    continue;
                }
                JsonNode event = JSON.readTree(line.substring(5));
                switch (event.path("type").asText()) {
                    case "execution" -> {
                        if (!event.path("e2bWebSocketUrl").asText().isEmpty()
                                && attached.add(event.path("executionId").asText())) {
                            answer.breakLine();
                            status = new OutputStreamer(http, out, err)
                                    .stream(
                                            event.path("e2bWebSocketUrl").asText(),
                                            event.path("clientId").asText(),
                                            event.path("executionId").asText());
                        }
                    }
                    case "message" -> answer.message(event.path("message"));
                    case "delta" -> answer.delta(event);
                    case "run" -> {
                        if (event.path("runId").asText().equals(runId)) {
                            switch (event.path("status").asText()) {
                                case "complete" -> {
                                    answer.breakLine();
                                    return status;
                                }
                                case "failed", "cancelled" -> {
                                    answer.breakLine();
                                    return status == 0 ? SERVICE_FAILED : status;
                                }
                                default -> {
                                    // a phase on the way
                                }
                            }
                        }
                    }
                    default -> {
                        // events for screens
                    }
                }
            }
        }
        throw new IOException("the server closed the stream before the answer was complete");
    }

    /** Runs a program in a fresh sandbox and returns its exit status. */
    int exec(String code, String language) throws IOException, InterruptedException {
        ObjectNode body = JSON.createObjectNode()
                .put("code", code)
                .put("language", language)
                .put("timeout", 3_600_000)
                .put("clientId", "session_" + java.util.UUID.randomUUID());
        JsonNode answer = post("/execute-stream", body);
        return new OutputStreamer(http, out, err)
                .stream(
                        answer.path("e2bWebSocketUrl").asText(),
                        answer.path("clientId").asText(),
                        answer.path("executionId").asText());
    }

    private JsonNode post(String path, JsonNode body) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(base.resolve(path))
                .timeout(Duration.ofSeconds(60))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body.toString()))
                .build();
        HttpResponse<String> response = http.send(request, BodyHandlers.ofString());
        JsonNode answer = JSON.readTree(response.body());
        if (response.statusCode() >= 300) {
            throw new IOException(answer.path("error").asText("status " + response.statusCode()));
        }
        return answer;
    }

    private void delete(String path) throws IOException, InterruptedException {
        http.send(
                HttpRequest.newBuilder(base.resolve(path))
                        .timeout(Duration.ofSeconds(60))
                        .DELETE()
                        .build(),
                BodyHandlers.discarding());
    }

    /** Prints what the assistant says, each part once, whether it comes whole or in deltas. */
    private final class Answer {
        private final java.util.Map<String, Integer> printed = new java.util.HashMap<>();
        private boolean midLine;

        void delta(JsonNode event) {
            String text = event.path("text").asText();
            printed.merge(
                    key(event.path("messageId").asText(), event.path("part").asInt()), text.length(), Integer::sum);
            print(text);
        }

        void message(JsonNode message) {
            if (!"assistant".equals(message.path("role").asText())) {
                return;
            }
            int index = 0;
            for (JsonNode part : message.path("parts")) {
                String text = part.path("text").asText("");
                String type = part.path("type").asText();
                if (type.equals("text") || type.equals("notice")) {
                    int seen = printed.getOrDefault(key(message.path("id").asText(), index), 0);
                    if (seen < text.length()) {
                        if (seen == 0) {
                            breakLine();
                        }
                        print(text.substring(seen));
                        printed.put(key(message.path("id").asText(), index), text.length());
                    }
                }
                index++;
            }
        }

        void breakLine() {
            if (midLine) {
                out.println();
                midLine = false;
            }
        }

        private void print(@Nullable String text) {
            if (text != null && !text.isEmpty()) {
                out.print(text);
                out.flush();
                midLine = !text.endsWith("\n");
            }
        }

        private static String key(String message, int part) {
            return message + "/" + part;
        }
    }
}
