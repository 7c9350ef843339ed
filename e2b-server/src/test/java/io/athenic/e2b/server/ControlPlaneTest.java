package io.athenic.e2b.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import io.athenic.engine.testing.EngineExtension;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ControlPlaneTest {
    @RegisterExtension
    @Order(1)
    static final EngineExtension ENGINE = new EngineExtension(2, 4);

    @RegisterExtension
    @Order(2)
    static final TestServer SERVER = new TestServer(ENGINE);

    private static JsonNode json(HttpResponse<String> answer) {
        return Json.read(answer.body(), JsonNode.class);
    }

    private static String create(String body) {
        var answer = SERVER.control("POST", "/sandboxes", body);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
        return json(answer).path("sandboxID").asText();
    }

    @Test
    void createAnswersWhatTheSdksNeed() {
        var answer = SERVER.control(
                "POST",
                "/sandboxes",
                "{\"templateID\":\"code-interpreter-v1\",\"timeout\":300,\"secure\":true,\"allow_internet_access\":true,\"metadata\":{\"a\":\"b\"}}");

        assertThat(answer.statusCode()).isEqualTo(201);
        var made = json(answer);
        assertThat(made.path("sandboxID").asText()).matches("[a-z0-9]+");
        assertThat(made.path("envdVersion").asText()).isEqualTo(E2b.ENVD_VERSION);
        assertThat(made.path("envdAccessToken").asText()).hasSizeGreaterThanOrEqualTo(32);
        assertThat(made.path("domain").asText()).isEqualTo("e2b.example");
        var detail = json(
                SERVER.control("GET", "/sandboxes/" + made.path("sandboxID").asText(), ""));
        assertThat(detail.path("state").asText()).isEqualTo("running");
        assertThat(detail.path("metadata").path("a").asText()).isEqualTo("b");
        assertThat(detail.path("lifecycle").path("onTimeout").asText()).isEqualTo("kill");
    }

    @Test
    void ownLimitsAreGivenWithinTheBoundsOfTheServer() {
        var id = create("{\"templateID\":\"base\",\"timeout\":60,\"cpuCount\":1,\"memoryMB\":256,\"diskSizeMB\":64}");

        var detail = json(SERVER.control("GET", "/sandboxes/" + id, ""));
        assertThat(detail.path("cpuCount").asInt()).isEqualTo(1);
        assertThat(detail.path("memoryMB").asInt()).isEqualTo(256);
        assertThat(detail.path("diskSizeMB").asInt()).isEqualTo(64);
        var tooMuch =
                SERVER.control("POST", "/sandboxes", "{\"templateID\":\"base\",\"timeout\":60,\"memoryMB\":99999}");
        assertThat(tooMuch.statusCode()).isEqualTo(400);
        assertThat(tooMuch.body()).contains("at most 8192 MiB of memory, not 99999");
        var tooLittle = SERVER.control("POST", "/sandboxes", "{\"templateID\":\"base\",\"timeout\":60,\"cpuCount\":0}");
        assertThat(tooLittle.statusCode()).isEqualTo(400);
        assertThat(tooLittle.body()).contains("cpuCount must be at least 1");
    }

    @Test
    void secureOnlyWhenAskedInTheFirstVersionAlwaysInTheSecond() {
        assertThat(json(SERVER.control("POST", "/sandboxes", "{\"templateID\":\"base\",\"timeout\":60}"))
                        .has("envdAccessToken"))
                .isFalse();
        assertThat(json(SERVER.control("POST", "/v2/sandboxes", "{\"templateID\":\"base\"}"))
                        .has("envdAccessToken"))
                .isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "[]",
                "{}",
                "{\"templateID\":5,\"timeout\":\"x\"}",
                "{\"templateID\":\"base\",\"timeout\":-1}",
                "{\"templateID\":\"base\",\"timeout\":999999}",
                "{\"templateID\":\"base\",\"timeout\":99999999999}",
                "{\"templateID\":\"base\",\"metadata\":{\"a\":null}}",
                "{\"templateID\":\"base\",\"envVars\":{\"a=b\":\"c\"}}",
                "{\"templateID\":\"base\",\"envVars\":[]}",
                "{\"templateID\":\"base\",\"network\":[]}",
                "{\"templateID\":\"base\",\"network\":{\"allowOut\":\"*\"}}",
                "{\"templateID\":\"base\",\"network\":{\"allowOut\":[5]}}",
                "{\"templateID\":\"base\",\"network\":{\"allowOut\":[\"http://x\"]}}",
                "{\"templateID\":\"base\",\"network\":{\"allowOut\":[\"example.com\"]}}",
                "{\"templateID\":\"base\",\"network\":{\"denyOut\":[\"example.com\"]}}",
                "{\"templateID\":\"base\",\"network\":{\"allowPublicTraffic\":\"no\"}}",
                "{\"templateID\":\"base\",\"secure\":false,\"network\":{\"allowPublicTraffic\":false}}",
                "{\"templateID\":\"base\",\"autoResume\":{\"enabled\":true}}",
                "{\"templateID\":\"base\",\"autoPause\":true,\"autoPauseMemory\":false,\"autoResume\":{\"enabled\":true}}",
                "{\"templateID\":\"base\",\"autoPauseMemory\":true}"
            })
    void badBodiesAreRefusedWithAReason(String body) {
        var answer = SERVER.control("POST", "/sandboxes", body);

        assertThat(answer.statusCode()).as(body).isEqualTo(400);
        assertThat(json(answer).path("code").asInt()).isEqualTo(400);
        assertThat(json(answer).path("message").asText())
                .isNotBlank()
                .doesNotContain("Exception", "io.athenic", "java.");
        assertThat(ENGINE.engine().list()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"templateID\":\"base\",\"network\":{\"egressProxy\":{\"address\":\"a:1\"}}}",
                "{\"templateID\":\"base\",\"network\":{\"rules\":{\"a.example\":[{}]}}}",
                "{\"templateID\":\"base\",\"volumeMounts\":[{}]}"
            })
    void whatIsNotSupportedSaysSo(String body) {
        assertThat(SERVER.control("POST", "/sandboxes", body).statusCode()).isEqualTo(501);
    }

    @Test
    void keysAndRoutesAreChecked() {
        assertThat(SERVER.text(SERVER.request("/sandboxes")).statusCode()).isEqualTo(401);
        var wrong = SERVER.text(SERVER.request("/sandboxes", E2b.HEADER_API_KEY, "e2b_wrong"));
        assertThat(wrong.statusCode()).isEqualTo(401);
        assertThat(json(wrong).path("code").asInt()).isEqualTo(401);
        assertThat(SERVER.text(SERVER.request("/health")).statusCode()).isEqualTo(204);
        assertThat(SERVER.control("GET", "/nothing", "").statusCode()).isEqualTo(404);
        assertThat(SERVER.control("PUT", "/sandboxes", "").statusCode()).isEqualTo(405);
        assertThat(SERVER.control("GET", "/sandboxes/unknown1", "").statusCode())
                .isEqualTo(404);
        assertThat(SERVER.control("GET", "/sandboxes/..%2f..", "").statusCode()).isEqualTo(404);
        assertThat(SERVER.control("POST", "/sandboxes", "{\"templateID\":\"nope\"}")
                        .statusCode())
                .isEqualTo(404);
        assertThat(SERVER.control("GET", "/templates/aliases/base", "").statusCode())
                .isEqualTo(200);
        assertThat(SERVER.control("GET", "/templates/aliases/nope", "").statusCode())
                .isEqualTo(404);
    }

    @ParameterizedTest
    @CsvSource({
        "localhost:1,204",
        "127.0.0.1,204",
        "[::1]:4002,204",
        "e2b.example,204",
        "api.e2b.example,204",
        "api.e2b.localhost,204",
        "evil.example,403",
        "localhost.evil.example,403",
        "127.0.0.1.evil.example,403",
        "sandbox.evil.example,403",
        "e2b.example.evil.example,403"
    })
    void foreignHostNamesAreRefused(String host, int status) throws IOException {
        assertThat(SERVER.statusOf("GET /health HTTP/1.1\r\nHost: " + host + "\r\n\r\n"))
                .startsWith("HTTP/1.1 " + status);
    }

    @Test
    void noPageOfAnotherOriginMayReadTheControlPlane() {
        var answer = SERVER.text(
                SERVER.request("/sandboxes", "Origin", "https://evil.example", E2b.HEADER_API_KEY, TestServer.KEY));

        assertThat(answer.headers().firstValue("Access-Control-Allow-Origin")).isEmpty();
    }

    @Test
    void listsFilterOrderAndPage() {
        var one = create("{\"templateID\":\"base\",\"timeout\":60,\"metadata\":{\"n\":\"1\",\"g\":\"x y\"}}");
        var two = create("{\"templateID\":\"base\",\"timeout\":60,\"metadata\":{\"n\":\"2\",\"g\":\"x y\"}}");
        var three = create("{\"templateID\":\"base\",\"timeout\":60,\"metadata\":{\"n\":\"3\"}}");

        assertThat(ids(SERVER.control("GET", "/v2/sandboxes", ""))).containsExactly(three, two, one);
        assertThat(ids(SERVER.control("GET", "/v2/sandboxes?order=asc", ""))).containsExactly(one, two, three);
        assertThat(ids(SERVER.control("GET", "/v2/sandboxes?metadata=g%3Dx%252520y", "")))
                .containsExactly(two, one);
        assertThat(ids(SERVER.control("GET", "/v2/sandboxes?metadata=g%3Dx%252520y%26n%3D2", "")))
                .containsExactly(two);
        assertThat(ids(SERVER.control("GET", "/v2/sandboxes?state=paused", ""))).isEmpty();
        assertThat(ids(SERVER.control("GET", "/v2/sandboxes?startedAfter=2999-01-01T00:00:00Z", "")))
                .isEmpty();
        var page = SERVER.control("GET", "/v2/sandboxes?limit=2", "");
        assertThat(ids(page)).containsExactly(three, two);
        var next = page.headers().firstValue("X-Next-Token").orElseThrow();
        var last = SERVER.control("GET", "/v2/sandboxes?limit=2&nextToken=" + next, "");
        assertThat(ids(last)).containsExactly(one);
        assertThat(last.headers().firstValue("X-Next-Token")).isEmpty();
        for (var bad : new String[] {
            "limit=0",
            "limit=101",
            "limit=x",
            "state=dead",
            "order=up",
            "nextToken=%21",
            "startedAfter=now",
            "metadata=a"
        }) {
            assertThat(SERVER.control("GET", "/v2/sandboxes?" + bad, "").statusCode())
                    .as(bad)
                    .isEqualTo(400);
        }
    }

    private static java.util.List<String> ids(HttpResponse<String> answer) {
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        var ids = new java.util.ArrayList<String>();
        json(answer).forEach(item -> ids.add(item.path("sandboxID").asText()));
        return ids;
    }

    @Test
    void connectNeverShortensAndTimeoutMay() {
        var id = create("{\"templateID\":\"base\",\"timeout\":600}");
        var sandbox = ENGINE.engine().find(id).orElseThrow();
        var end = sandbox.endAt();

        assertThat(SERVER.control("POST", "/sandboxes/" + id + "/connect", "{\"timeout\":60}")
                        .statusCode())
                .isEqualTo(200);
        assertThat(sandbox.endAt()).isEqualTo(end);
        assertThat(SERVER.control("POST", "/sandboxes/" + id + "/refreshes", "{\"duration\":1200}")
                        .statusCode())
                .isEqualTo(204);
        assertThat(sandbox.endAt()).isAfter(end.plus(Duration.ofSeconds(500)));
        assertThat(SERVER.control("POST", "/sandboxes/" + id + "/timeout", "{\"timeout\":30}")
                        .statusCode())
                .isEqualTo(204);
        assertThat(sandbox.endAt()).isBefore(end);
        assertThat(SERVER.control("POST", "/sandboxes/" + id + "/timeout", "{}").statusCode())
                .isEqualTo(400);
    }

    @Test
    void pauseAnswersOncePerPauseAndConnectResumes() {
        var id = create("{\"templateID\":\"base\",\"timeout\":600}");

        assertThat(SERVER.control("POST", "/sandboxes/" + id + "/pause", "{}").statusCode())
                .isEqualTo(204);
        assertThat(SERVER.control("POST", "/sandboxes/" + id + "/pause", "{}").statusCode())
                .isEqualTo(409);
        assertThat(ids(SERVER.control("GET", "/v2/sandboxes?state=paused", ""))).containsExactly(id);
        var envd = SERVER.text(SERVER.request("/health", E2b.HEADER_SANDBOX_ID, id, E2b.HEADER_SANDBOX_PORT, "49983"));
        assertThat(envd.statusCode()).isEqualTo(502);
        assertThat(SERVER.control("POST", "/sandboxes/" + id + "/connect", "{\"timeout\":60}")
                        .statusCode())
                .isEqualTo(201);
        assertThat(SERVER.control("POST", "/sandboxes/" + id + "/resume", "{}").statusCode())
                .isEqualTo(409);
        assertThat(SERVER.control("DELETE", "/sandboxes/" + id, "").statusCode())
                .isEqualTo(204);
        assertThat(SERVER.control("DELETE", "/sandboxes/" + id, "").statusCode())
                .isEqualTo(404);
    }

    @Test
    void aFullEngineIs429() {
        for (var i = 0; i < 4; i++) {
            create("{\"templateID\":\"base\",\"timeout\":60}");
        }

        var answer = SERVER.control("POST", "/sandboxes", "{\"templateID\":\"base\",\"timeout\":60}");

        assertThat(answer.statusCode()).isEqualTo(429);
    }

    @Test
    void metricsAreOfNow() {
        var id = create("{\"templateID\":\"base\",\"timeout\":60}");

        var metrics = json(SERVER.control("GET", "/sandboxes/" + id + "/metrics", ""));

        assertThat(metrics.get(0).path("memTotal").asLong()).isPositive();
        assertThat(metrics.get(0).path("timestamp").asText()).endsWith("Z");
        assertThat(json(SERVER.control("GET", "/sandboxes/" + id + "/metrics?end=1000", "")))
                .isEmpty();
    }

    @Test
    void theNewestMetricsOfManySandboxesComeAtOnce() {
        var id = create("{\"templateID\":\"base\",\"timeout\":60}");

        var found = json(SERVER.control("GET", "/sandboxes/metrics?sandbox_ids=" + id + ",unknown", ""))
                .path("sandboxes");

        assertThat(found.properties()).hasSize(1);
        assertThat(found.path(id).path("memUsed").asLong()).isPositive();
        assertThat(SERVER.control("GET", "/sandboxes/metrics", "").statusCode()).isEqualTo(400);
        assertThat(SERVER.control("GET", "/sandboxes/" + id + "/metrics?start=5&end=1", "")
                        .statusCode())
                .isEqualTo(400);
    }

    @Test
    void largeBodiesAndHeadsAreRefused() throws IOException {
        assertThat(SERVER.control("POST", "/sandboxes", "x".repeat(2 << 20)).statusCode())
                .isEqualTo(413);
        assertThat(SERVER.statusOf(
                        "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: " + "a".repeat(40 << 10) + "\r\n\r\n"))
                .startsWith("HTTP/1.1 431");
        assertThat(SERVER.statusOf("GET /" + "a".repeat(20 << 10) + " HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                .contains(" 414 ");
        assertThat(
                        SERVER.statusOf(
                                "POST /sandboxes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"))
                .startsWith("HTTP/1.1 400");
    }
}
