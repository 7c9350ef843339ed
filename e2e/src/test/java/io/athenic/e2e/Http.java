package io.athenic.e2e;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Map;

/** Plain HTTP to one port of the product. */
final class Http {
    static final ObjectMapper JSON = new ObjectMapper();

    /** In milliseconds: a program may wait behind one that is ended by its own timeout, which is half a minute. */
    private static final int PATIENCE = 120_000;

    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /** An answer; {@code json} is missing where the body is none. */
    static final class Answer {
        private final int status;
        private final HttpHeaders headers;
        private final byte[] bytes;

        Answer(int status, HttpHeaders headers, byte[] bytes) {
            this.status = status;
            this.headers = headers;
            this.bytes = bytes;
        }

        HttpHeaders headers() {
            return headers;
        }

        byte[] bytes() {
            return bytes.clone();
        }

        String text() {
            return new String(bytes, java.nio.charset.StandardCharsets.UTF_8);
        }

        JsonNode json() {
            try {
                return JSON.readTree(bytes);
            } catch (IOException e) {
                return MissingNode.getInstance();
            }
        }

        /** @throws AssertionError the status is another */
        Answer expect(int wanted) {
            if (status != wanted) {
                throw new AssertionError("wanted status " + wanted + ", got " + status + ": " + text());
            }
            return this;
        }
    }

    private final int port;

    /** Waits until the server, which was started again, answers; what was kept open to the one before is closed by then. */
    void awaitAnswer(Duration deadline) {
        long end = System.nanoTime() + deadline.toNanos();
        int answers = 0;
        while (answers < 3) {
            try {
                get("/health").expect(200);
                answers++;
            } catch (UncheckedIOException | AssertionError e) {
                if (System.nanoTime() > end) {
                    throw e;
                }
                io.athenic.e2e.product.Product.pause(50);
            }
        }
    }

    /** Asks until the answer has the status. */
    void awaitStatus(String path, Map<String, ?> body, int wanted) {
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        Answer answer = post(path, body);
        while (answer.status != wanted && System.nanoTime() < end) {
            io.athenic.e2e.product.Product.pause(50);
            answer = post(path, body);
        }
        answer.expect(wanted);
    }

    Http(int port) {
        this.port = port;
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + port + path);
    }

    Answer get(String path) {
        return send("GET", path, BodyPublishers.noBody(), Map.of());
    }

    Answer delete(String path) {
        return send("DELETE", path, BodyPublishers.noBody(), Map.of());
    }

    Answer post(String path, Map<String, ?> body) {
        return post(path, encode(body));
    }

    Answer post(String path, String json) {
        return send("POST", path, BodyPublishers.ofString(json), Map.of("Content-Type", "application/json"));
    }

    Answer patch(String path, Map<String, ?> body) {
        return send("PATCH", path, BodyPublishers.ofString(encode(body)), Map.of("Content-Type", "application/json"));
    }

    Answer send(String method, String path, BodyPublisher body, Map<String, String> headers) {
        var request = HttpRequest.newBuilder(uri(path)).method(method, body).timeout(Duration.ofMinutes(2));
        headers.forEach(request::header);
        try {
            var response = CLIENT.send(request.build(), BodyHandlers.ofByteArray());
            return new Answer(response.statusCode(), response.headers(), response.body());
        } catch (IOException e) {
            throw new UncheckedIOException(method + " " + path + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** Runs Python in a fresh sandbox, or in the one named, and fails if the program does. */
    Answer python(String code, String... sandbox) {
        Answer answer = sandbox.length == 0
                ? post("/execute", Map.of("code", code, "language", "python", "timeout", PATIENCE))
                : post(
                        "/execute",
                        Map.of("code", code, "language", "python", "timeout", PATIENCE, "sandboxId", sandbox[0]));
        answer.expect(200);
        if (answer.json().hasNonNull("error")) {
            throw new AssertionError("the program failed: " + answer.text());
        }
        return answer;
    }

    static String stdout(Answer answer) {
        var text = new StringBuilder();
        answer.json().at("/result/logs/stdout").forEach(chunk -> text.append(chunk.asText()));
        return text.toString();
    }

    static String encode(Map<String, ?> body) {
        try {
            return JSON.writeValueAsString(body);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }
}
