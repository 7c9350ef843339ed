package io.athenic.e2b.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import io.athenic.engine.ProcessEvent;
import io.athenic.engine.ProcessSpec;
import io.athenic.engine.egress.EgressConfig;
import io.athenic.engine.testing.EngineExtension;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The network fields of the control plane, on a server that gives network on request. */
final class NetworkTest {
    @Order(1)
    @RegisterExtension
    static final EngineExtension ENGINE = new EngineExtension(EgressConfig.of(EgressConfig.Mode.ON_REQUEST));

    @Order(2)
    @RegisterExtension
    static final TestServer SERVER = new TestServer(ENGINE);

    private static final String ALLOW = "\"allowOut\":[\"*.example.com\"],\"denyOut\":[\"0.0.0.0/0\"]";

    private static JsonNode json(HttpResponse<String> answer) {
        return Json.read(answer.body().getBytes(StandardCharsets.UTF_8), JsonNode.class);
    }

    private static HttpResponse<String> create(String fields) {
        var answer = SERVER.control("POST", "/v2/sandboxes", "{\"templateID\":\"base\"" + fields + "}");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
        return answer;
    }

    private static String path(HttpResponse<String> created) {
        return "/sandboxes/" + json(created).path("sandboxID").asText();
    }

    private static String curl(HttpResponse<String> created, String url) throws InterruptedException {
        var sandbox =
                ENGINE.engine().find(json(created).path("sandboxID").asText()).orElseThrow();
        var text = new StringBuilder();
        try (var stream = sandbox.agent().start(ProcessSpec.of("/usr/bin/curl", "-sS", url))) {
            while (true) {
                switch (stream.next(Duration.ofMinutes(1))) {
                    case ProcessEvent.Stdout(byte[] bytes) -> text.append(new String(bytes, StandardCharsets.UTF_8));
                    case ProcessEvent.Ended _ -> {
                        return text.toString();
                    }
                    case null -> throw new AssertionError("no end");
                    default -> {}
                }
            }
        }
    }

    @Test
    void theDefaultOfTheSdksIsNoRequestAndThatIsSaid() throws Exception {
        var created = create(",\"allow_internet_access\":true");

        assertThat(created.headers().firstValue("X-Athenic-Notice")).isPresent();
        assertThat(json(SERVER.control("GET", path(created), ""))
                        .path("allowInternetAccess")
                        .asBoolean())
                .isFalse();
        assertThat(curl(created, "http://a.example.com/")).contains("this sandbox has no network");
    }

    @Test
    void whatIsNamedIsAllowedAndTheEventsTell() throws Exception {
        var created = create(",\"network\":{" + ALLOW + "}");

        assertThat(created.headers().firstValue("X-Athenic-Notice")).isEmpty();
        var detail = json(SERVER.control("GET", path(created), ""));
        assertThat(detail.path("network").path("allowOut").path(0).asText()).isEqualTo("*.example.com");
        assertThat(detail.path("network").path("denyOut").path(0).asText()).isEqualTo("0.0.0.0/0");
        assertThat(detail.path("network").path("allowPublicTraffic").asBoolean())
                .isTrue();
        assertThat(curl(created, "http://other.example.org/")).contains("not among the destinations");
        var event = json(SERVER.control("GET", path(created) + "/network/events", ""))
                .path("events")
                .path(0);
        assertThat(event.path("verdict").asText()).isEqualTo("denied");
        assertThat(event.path("host").asText()).isEqualTo("other.example.org");
        assertThat(event.path("port").asInt()).isEqualTo(80);
        assertThat(event.path("reason").asText()).isNotEmpty();
    }

    @Test
    void anUpdateReplacesTheRules() throws Exception {
        var created = create("");

        assertThat(SERVER.control("PUT", path(created) + "/network", "{" + ALLOW + "}")
                        .statusCode())
                .isEqualTo(204);
        assertThat(curl(created, "http://a.example.org/")).contains("not among the destinations");
        assertThat(SERVER.control("PUT", path(created) + "/network", "{}").statusCode())
                .isEqualTo(204);
        assertThat(curl(created, "http://a.example.org/")).contains("has no network");
        var wrong = SERVER.control("PUT", path(created) + "/network", "{\"denyOut\":[\"x\"]}");
        assertThat(wrong.statusCode()).isEqualTo(400);
        assertThat(wrong.body()).contains("denyOut takes addresses and blocks");
        assertThat(SERVER.control("PUT", "/sandboxes/unknown1/network", "{}").statusCode())
                .isEqualTo(404);
    }

    @Test
    void portsThatAreNotPublicNeedTheirToken() {
        var created = create(",\"network\":{\"allowPublicTraffic\":false}");
        var id = json(created).path("sandboxID").asText();
        var token = json(created).path("trafficAccessToken").asText();
        String[] port = {E2b.HEADER_SANDBOX_ID, id, E2b.HEADER_SANDBOX_PORT, "8080"};

        assertThat(token).hasSizeGreaterThanOrEqualTo(32);
        assertThat(SERVER.text(SERVER.request("/", port)).statusCode()).isEqualTo(403);
        assertThat(SERVER.text(SERVER.request("/", port).header(E2b.HEADER_TRAFFIC_TOKEN, "wrong"))
                        .statusCode())
                .isEqualTo(403);
        // Nothing listens there: that is known only to whoever has the token.
        assertThat(SERVER.text(SERVER.request("/", port).header(E2b.HEADER_TRAFFIC_TOKEN, token))
                        .statusCode())
                .isEqualTo(502);
        port[3] = "49983";
        assertThat(SERVER.text(SERVER.request("/health", port)).statusCode()).isEqualTo(204);
    }

    @Test
    void theProxyIsNotReachedFromOutside() {
        var created = create("");
        var id = json(created).path("sandboxID").asText();

        assertThat(SERVER.text(SERVER.request("/", E2b.HEADER_SANDBOX_ID, id, E2b.HEADER_SANDBOX_PORT, "3128"))
                        .statusCode())
                .isEqualTo(502);
    }
}
