package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2e.Http.Answer;
import io.athenic.e2e.product.Product;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is sent: a clear refusal in the form of docs/PROTOCOL.md, section 8, nothing of our insides, and the server goes on. */
@ExtendWith(ProductExtension.class)
class BadInputTest {
    private final Product product;
    private final Http http;

    BadInputTest(Product product) {
        this.product = product;
        this.http = new Http(product.port());
    }

    @AfterEach
    void serverIsStillHealthy() {
        assertThat(http.get("/health").expect(200).json().path("status").asText())
                .isEqualTo("healthy");
    }

    static Stream<Arguments> bodies() {
        return Stream.of(
                arguments("/execute", "{", 400, "invalid_request"),
                arguments("/execute", "", 400, "invalid_request"),
                arguments("/execute", "null", 400, "invalid_request"),
                arguments("/execute", "[1]", 400, "invalid_request"),
                arguments("/execute", "\"text\"", 400, "invalid_request"),
                arguments("/execute", "{}", 400, "invalid_request"),
                arguments("/execute", "{\"code\":7}", 400, "invalid_request"),
                arguments("/execute", "{\"code\":null}", 400, "invalid_request"),
                arguments("/execute", "{\"code\":{\"a\":1}}", 400, "invalid_request"),
                arguments("/execute", "{\"code\":\"1\",\"language\":\"cobol\"}", 400, "invalid_request"),
                arguments("/execute", "{\"code\":\"1\",\"language\":5}", 400, "invalid_request"),
                arguments("/execute", "{\"code\":\"1\",\"timeout\":\"soon\"}", 400, "invalid_request"),
                arguments("/execute", "{\"code\":\"1\",\"timeout\":0}", 400, "invalid_request"),
                arguments("/execute", "{\"code\":\"1\",\"timeout\":-5}", 400, "invalid_request"),
                arguments("/execute", "{\"code\":\"1\",\"timeout\":1e300}", 400, "invalid_request"),
                arguments("/execute", "{\"code\":\"1\",\"timeout\":3600001}", 400, "invalid_request"),
                arguments("/execute", "{\"code\":\"1\",\"sandboxId\":[]}", 400, "invalid_request"),
                arguments("/execute", "{\"code\":\"1\",\"sandboxId\":\"nosuchsandbox\"}", 404, "not_found"),
                arguments("/execute", "[".repeat(100_000), 400, "invalid_request"),
                arguments("/execute-stream", "{\"code\":\"1\"}", 400, "invalid_request"),
                arguments("/execute-stream", "{\"code\":\"1\",\"clientId\":\"\"}", 400, "invalid_request"),
                arguments("/execute-stream", "{\"code\":\"1\",\"clientId\":9}", 400, "invalid_request"),
                arguments("/execute-stream", "{\"clientId\":\"c\"}", 400, "invalid_request"),
                arguments(
                        "/execute-stream",
                        "{\"code\":\"1\",\"clientId\":\"c\",\"sandboxId\":\"nosuchsandbox\"}",
                        404,
                        "not_found"),
                arguments(
                        "/execute-stream",
                        "{\"code\":\"1\",\"clientId\":\"c\",\"keepSandbox\":\"yes\"}",
                        400,
                        "invalid_request"),
                arguments("/analyze-execution-needs", "{}", 400, "invalid_request"),
                arguments("/analyze-execution-needs", "{\"message\":1}", 400, "invalid_request"),
                arguments("/analyze-execution-needs", "{\"message\":\"x\",\"history\":{}}", 400, "invalid_request"),
                arguments("/create-sandbox", "{\"template\":\"nosuchtemplate\"}", 400, "invalid_request"),
                arguments("/create-sandbox", "{\"template\":3}", 400, "invalid_request"),
                arguments("/close-sandbox", "{}", 400, "invalid_request"),
                arguments("/close-sandbox", "{\"sandboxId\":\"nosuchsandbox\"}", 404, "not_found"),
                arguments("/close-sandbox", "{\"sandboxId\":\"../../etc\"}", 404, "not_found"),
                arguments("/executions/nosuch/cancel", "{}", 404, "not_found"),
                arguments("/api/threads", "{\"title\":5}", 400, "invalid_request"),
                arguments("/api/threads/nosuch/messages", "{\"text\":\"hi\"}", 404, "not_found"),
                arguments("/api/threads/nosuch/runs/nosuch/cancel", "{}", 404, "not_found"),
                arguments("/nosuch", "{}", 404, "not_found"));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("bodies")
    void wrongBodyIsRefused(String path, String body, int status, String code) {
        refused(http.post(path, body), status, code);
    }

    static Stream<Arguments> requests() {
        return Stream.of(
                arguments("GET", "/execute", 405, "method_not_allowed"),
                arguments("DELETE", "/execute-stream", 405, "method_not_allowed"),
                arguments("PUT", "/health", 405, "method_not_allowed"),
                arguments("POST", "/active-sandboxes", 405, "method_not_allowed"),
                arguments("GET", "/nosuch", 404, "not_found"),
                arguments("GET", "/executions/nosuch", 404, "not_found"),
                arguments("GET", "/executions/nosuch/output", 404, "not_found"),
                arguments("GET", "/api/threads/nosuch", 404, "not_found"),
                arguments("GET", "/api/threads/nosuch/events", 404, "not_found"),
                arguments("GET", "/api/threads/nosuch/files?path=/", 404, "not_found"),
                arguments("DELETE", "/api/threads/nosuch", 404, "not_found"),
                arguments("GET", "/..%2f..%2fetc/passwd", 404, "not_found"),
                arguments("GET", "/assets/%2e%2e/%2e%2e/META-INF/MANIFEST.MF", 404, "not_found"));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("requests")
    void wrongMethodOrPathIsRefused(String method, String path, int status, String code) {
        refused(http.send(method, path, BodyPublishers.noBody(), Map.of()), status, code);
    }

    @Test
    void bodyThatIsNotJsonIsRefused() {
        refused(
                http.send(
                        "POST",
                        "/execute",
                        BodyPublishers.ofString("code=1"),
                        Map.of("Content-Type", "application/x-www-form-urlencoded")),
                415,
                "unsupported_media_type");
        refused(
                http.send(
                        "POST",
                        "/execute",
                        BodyPublishers.ofString("{\"code\":\"1\"}"),
                        Map.of("Content-Type", "text/plain")),
                415,
                "unsupported_media_type");
        refused(
                http.send("POST", "/api/threads", BodyPublishers.ofString("{}"), Map.of("Content-Type", "text/plain")),
                415,
                "unsupported_media_type");
    }

    @Test
    void bodyThatIsNotUtf8IsRefused() {
        byte[] body = {'{', '"', 'c', 'o', 'd', 'e', '"', ':', '"', (byte) 0xc3, (byte) 0x28, '"', '}'};
        refused(
                http.send(
                        "POST",
                        "/execute",
                        BodyPublishers.ofByteArray(body),
                        Map.of("Content-Type", "application/json")),
                400,
                "invalid_request");
    }

    @Test
    void bodyOverItsBoundIsRefused() {
        byte[] body = new byte[10 << 20];
        Arrays.fill(body, (byte) ' ');
        for (String path : new String[] {"/execute", "/execute-stream", "/api/threads"}) {
            refused(
                    http.send(
                            "POST", path, BodyPublishers.ofByteArray(body), Map.of("Content-Type", "application/json")),
                    413,
                    "too_large");
        }
    }

    @Test
    void foreignPagesAreKeptOut() {
        String own = "127.0.0.1:" + product.port();
        var json = BodyPublishers.ofString("{\"code\":\"1\"}");
        refused(
                http.send(
                        "POST",
                        "/execute",
                        json,
                        Map.of("Content-Type", "application/json", "Origin", "https://evil.example")),
                403,
                "forbidden_origin");
        refused(
                http.send("GET", "/api/threads", BodyPublishers.noBody(), Map.of("Origin", "null")),
                403,
                "forbidden_origin");
        refused(
                http.send("GET", "/api/threads", BodyPublishers.noBody(), Map.of("Origin", "http://127.0.0.1:1")),
                403,
                "forbidden_origin");
        refused(
                http.send("GET", "/health", BodyPublishers.noBody(), Map.of("Host", "evil.example:" + product.port())),
                403,
                "forbidden_host");
        refused(
                http.send("GET", "/", BodyPublishers.noBody(), Map.of("Host", "127.0.0.1.evil.example")),
                403,
                "forbidden_host");
        http.send("GET", "/health", BodyPublishers.noBody(), Map.of("Origin", "http://" + own))
                .expect(200);
        http.send("GET", "/health", BodyPublishers.noBody(), Map.of("Host", "localhost:" + product.port()))
                .expect(200);
    }

    @Test
    void foreignPagesGetNoWebSocket() {
        var handshake = Map.of(
                "Host", "127.0.0.1:" + product.port(),
                "Origin", "https://evil.example",
                "Connection", "Upgrade",
                "Upgrade", "websocket",
                "Sec-WebSocket-Version", "13",
                "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");

        assertThat(RawHttp.statusOf(product.port(), "GET /?clientId=x HTTP/1.1", handshake))
                .isEqualTo(403);
    }

    /** That it is not logged as a fault of ours is asked by {@link NothingLeftBehindTest}. */
    @Test
    void clientThatHangsUpWithinItsRequestHarmsNobody() {
        String thread = http.post("/api/threads", Map.of())
                .expect(201)
                .json()
                .path("id")
                .asText();
        for (int i = 0; i < 20; i++) {
            RawHttp.hangUp(product.port(), "/execute", "application/json");
            RawHttp.hangUp(product.port(), "/api/threads", "application/json");
            RawHttp.hangUp(product.port(), "/api/threads/" + thread + "/files?name=x", "application/octet-stream");
            RawHttp.hangUp(product.e2bPort(), "/sandboxes", "application/json");
        }

        http.delete("/api/threads/" + thread).expect(204);
    }

    @Test
    void brokenHttpIsRefused() {
        var host = Map.of("Host", "127.0.0.1:" + product.port());

        assertThat(RawHttp.statusOf(product.port(), "GET /health HTTP/1.1", Map.of("X-Athenic", "no host header")))
                .isBetween(400, 499);
        assertThat(RawHttp.statusOf(product.port(), "GARBAGE", host)).isBetween(400, 499);
        assertThat(RawHttp.statusOf(product.port(), "GET /" + "a".repeat(20_000) + " HTTP/1.1", host))
                .isBetween(400, 499);
        assertThat(RawHttp.statusOf(
                        product.port(),
                        "GET /health HTTP/1.1",
                        Map.of("Host", "127.0.0.1:" + product.port(), "X-Long", "b".repeat(60_000))))
                .isBetween(400, 499);
        for (int port : new int[] {product.port(), product.e2bPort()}) {
            assertThat(RawHttp.statusOf(
                            port,
                            "POST /execute HTTP/1.1",
                            Map.of("Host", "127.0.0.1", "Content-Length", "4", "Transfer-Encoding", "chunked")))
                    .isEqualTo(400);
            assertThat(RawHttp.statusOf(port, "GET http://evil.example/ HTTP/1.1", Map.of("Host", "127.0.0.1")))
                    .isEqualTo(400);
            assertThat(RawHttp.statusOf(port, "GET / HTTP/1.1", Map.of("Host", "127.0.0.1\r\n folded: x")))
                    .isEqualTo(400);
        }
    }

    @Test
    void wrongThreadMessagesAreRefused() {
        String thread = http.post("/api/threads", Map.of())
                .expect(201)
                .json()
                .path("id")
                .asText();
        String messages = "/api/threads/" + thread + "/messages";
        refused(http.post(messages, Map.of()), 400, "invalid_request");
        refused(http.post(messages, Map.of("text", "")), 400, "invalid_request");
        refused(http.post(messages, Map.of("text", "   \n")), 400, "invalid_request");
        refused(http.post(messages, Map.of("text", 5)), 400, "invalid_request");
        refused(http.post(messages, Map.of("text", "hello", "execute", "perhaps")), 400, "invalid_request");
        refused(http.post(messages, Map.of("text", "x".repeat(300 << 10))), 400, "invalid_request");
        refused(http.patch("/api/threads/" + thread, Map.of()), 400, "invalid_request");
        refused(http.get("/api/threads/" + thread + "/events?after=minus"), 400, "invalid_request");
        refused(http.get("/api/threads/" + thread + "/files/content"), 400, "invalid_request");
        http.delete("/api/threads/" + thread).expect(204);
    }

    @Test
    void e2bApiRefusesAWrongKeyAndUnknownSandboxes() {
        var e2b = new Http(product.e2bPort());
        var body = BodyPublishers.ofString("{\"templateID\":\"code-interpreter-v1\"}");
        for (Map<String, String> key :
                java.util.List.of(Map.<String, String>of(), Map.of("X-API-KEY", "e2b_0000"), Map.of("X-API-KEY", ""))) {
            var headers = new java.util.HashMap<>(key);
            headers.put("Content-Type", "application/json");
            e2bRefused(e2b.send("POST", "/sandboxes", body, headers), 401);
            e2bRefused(e2b.send("GET", "/v2/sandboxes", BodyPublishers.noBody(), headers), 401);
        }
        var headers = Map.of("X-API-KEY", product.apiKey(), "Content-Type", "application/json");
        e2bRefused(e2b.send("GET", "/sandboxes/inosuchsandbox", BodyPublishers.noBody(), headers), 404);
        e2bRefused(e2b.send("DELETE", "/sandboxes/inosuchsandbox", BodyPublishers.noBody(), headers), 404);
        e2bRefused(e2b.send("POST", "/sandboxes", BodyPublishers.ofString("{"), headers), 400);
        e2bRefused(e2b.send("POST", "/sandboxes", BodyPublishers.ofString("{}"), headers), 400);
        e2bRefused(
                e2b.send("POST", "/sandboxes", BodyPublishers.ofString("{\"templateID\":\"nosuchtemplate\"}"), headers),
                404);
        e2bRefused(e2b.send("GET", "/nosuch", BodyPublishers.noBody(), headers), 404);
        e2bRefused(
                e2b.send(
                        "POST",
                        "/execute",
                        BodyPublishers.ofString("{\"code\":\"1\"}"),
                        Map.of("E2b-Sandbox-Id", "inosuchsandbox", "E2b-Sandbox-Port", "49999")),
                502);
    }

    private static void refused(Answer answer, int status, String code) {
        answer.expect(status);
        JsonNode json = answer.json();
        assertThat(json.path("code").asText()).isEqualTo(code);
        assertThat(json.path("error").asText()).isNotBlank();
        tellsNothingOfItsInsides(answer);
    }

    private static void e2bRefused(Answer answer, int status) {
        answer.expect(status);
        assertThat(answer.json().path("code").asInt()).isEqualTo(status);
        assertThat(answer.json().path("message").asText()).isNotBlank();
        tellsNothingOfItsInsides(answer);
    }

    private static void tellsNothingOfItsInsides(Answer answer) {
        assertThat(answer.text())
                .doesNotContain(
                        "\tat ", "io.athenic", "java.", "io.vertx", "Exception", "/run/athenic", "athenic-e2e-");
    }
}
