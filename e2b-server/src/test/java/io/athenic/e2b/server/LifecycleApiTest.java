package io.athenic.e2b.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import io.athenic.engine.Sandbox;
import io.athenic.engine.SandboxState;
import io.athenic.engine.testing.EngineExtension;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class LifecycleApiTest {
    @RegisterExtension
    @Order(1)
    static final EngineExtension ENGINE = new EngineExtension(1, 6);

    @RegisterExtension
    @Order(2)
    static final TestServer SERVER = new TestServer(ENGINE);

    private static JsonNode json(HttpResponse<String> answer) {
        return Json.read(answer.body(), JsonNode.class);
    }

    private static JsonNode done(int status, String method, String path, String body) {
        var answer = SERVER.control(method, path, body);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
        return answer.body().isEmpty() ? Json.object() : json(answer);
    }

    private static Sandbox create(String fields) {
        var made = done(201, "POST", "/v2/sandboxes", "{\"templateID\":\"base\"" + fields + "}");
        return ENGINE.engine().find(made.path("sandboxID").asText()).orElseThrow();
    }

    private static void write(Sandbox sandbox, String text) {
        var upload = SERVER.to(sandbox, E2b.ENVD_PORT, "/files?path=note")
                .header("Content-Type", "application/octet-stream")
                .POST(BodyPublishers.ofString(text));
        assertThat(SERVER.text(upload).statusCode()).isEqualTo(200);
    }

    private static HttpResponse<String> read(Sandbox sandbox) {
        return SERVER.text(SERVER.to(sandbox, E2b.ENVD_PORT, "/files?path=note"));
    }

    @Test
    void aPauseWithoutMemoryIsSaidAndConnectBringsTheFiles() {
        var sandbox = create("");
        write(sandbox, "x");

        done(204, "POST", "/sandboxes/" + sandbox.id() + "/pause", "{\"memory\":false}");

        done(409, "POST", "/sandboxes/" + sandbox.id() + "/pause", "{}");
        assertThat(read(sandbox).statusCode()).isEqualTo(502);
        var detail = done(200, "GET", "/sandboxes/" + sandbox.id(), "");
        assertThat(detail.path("state").asText()).isEqualTo("paused");
        assertThat(detail.path("memoryKept").asBoolean(true)).isFalse();
        assertThat(done(200, "GET", "/sandboxes/" + sandbox.id() + "/metrics", ""))
                .isEmpty();
        done(201, "POST", "/v2/sandboxes/" + sandbox.id() + "/connect", "{}");
        assertThat(read(sandbox).body()).isEqualTo("x");
        assertThat(done(200, "GET", "/sandboxes/" + sandbox.id(), "").has("memoryKept"))
                .isFalse();
    }

    @Test
    void connectWithoutMemoryStartsAnew() throws InterruptedException {
        var sandbox = create("");
        write(sandbox, "x");
        done(204, "POST", "/sandboxes/" + sandbox.id() + "/pause", "{}");
        assertThat(done(200, "GET", "/sandboxes/" + sandbox.id(), "")
                        .path("memoryKept")
                        .asBoolean())
                .isTrue();

        done(201, "POST", "/v2/sandboxes/" + sandbox.id() + "/connect", "{\"memory\":false}");

        assertThat(sandbox.agent().list()).isEmpty();
        assertThat(read(sandbox).body()).isEqualTo("x");
    }

    @Test
    void trafficResumesASandboxThatWantsSo() {
        var sandbox = create(",\"timeout\":60,\"autoPause\":true,\"autoResume\":{\"enabled\":true}");
        var other = create(",\"timeout\":60,\"autoPause\":true");
        write(sandbox, "x");
        write(other, "x");
        var lifecycle = done(200, "GET", "/sandboxes/" + sandbox.id(), "").path("lifecycle");
        assertThat(lifecycle.path("onTimeout").asText()).isEqualTo("pause");
        assertThat(lifecycle.path("autoResume").asBoolean()).isTrue();

        ENGINE.fixture().clock().advance(Duration.ofSeconds(61));
        await().until(() -> sandbox.state() == SandboxState.PAUSED && other.state() == SandboxState.PAUSED);

        assertThat(read(other).statusCode()).isEqualTo(502);
        assertThat(read(sandbox).body()).isEqualTo("x");
        assertThat(Duration.between(ENGINE.fixture().clock().instant(), sandbox.endAt()))
                .isBetween(Duration.ofMinutes(4), Duration.ofMinutes(5)); // not the minute that was asked for
        sandbox.pause();
        var code = SERVER.to(sandbox, E2b.CODE_PORT, "/execute")
                .header("Content-Type", E2b.JSON)
                .POST(BodyPublishers.ofString("{\"code\":\"6*7\"}"));
        assertThat(SERVER.text(code).body()).contains("\"42\"");
        sandbox.pause();
        var port = SERVER.text(SERVER.to(sandbox, 8080, "/"));
        assertThat(port.body()).contains("port is not open");
        assertThat(sandbox.state()).isEqualTo(SandboxState.RUNNING);
    }

    @Test
    void snapshotsAreMadeListedUsedAndDeleted() {
        var sandbox = create("");
        write(sandbox, "x");
        List<String> ids = new ArrayList<>();
        for (var name : List.of("{}", "{\"name\":\"work\"}", "{\"name\":\"work\"}")) {
            var made = done(201, "POST", "/sandboxes/" + sandbox.id() + "/snapshots", name);
            assertThat(made.path("memory").asBoolean(true)).isFalse();
            assertThat(made.path("names")).hasSize(name.equals("{}") ? 0 : 1);
            ids.add(made.path("snapshotID").asText());
        }

        var first = SERVER.control("GET", "/snapshots?limit=2", "");
        var token = first.headers().firstValue(E2b.HEADER_NEXT_TOKEN).orElseThrow();
        var second = SERVER.control("GET", "/snapshots?limit=2&nextToken=" + token, "");

        assertThat(json(first)).hasSize(2);
        assertThat(json(second)).hasSize(1);
        assertThat(second.headers().firstValue(E2b.HEADER_NEXT_TOKEN)).isEmpty();
        assertThat(json(first).get(0).path("snapshotID").asText()).isEqualTo(ids.get(2));
        assertThat(json(first).get(0).path("names").get(0).asText()).isEqualTo("work:default");
        assertThat(json(first).get(1).path("names")).isEmpty(); // the newer one has it
        assertThat(done(200, "GET", "/snapshots?name=work", "")).hasSize(1);
        assertThat(done(200, "GET", "/snapshots?name=none", "")).isEmpty();
        assertThat(done(200, "GET", "/snapshots?sandboxID=" + sandbox.id(), "")).hasSize(3);
        assertThat(done(200, "GET", "/snapshots?sandboxID=none", "")).isEmpty();
        done(400, "GET", "/snapshots?limit=0", "");
        done(400, "GET", "/snapshots?nextToken=zzz", "");
        done(204, "DELETE", "/sandboxes/" + sandbox.id(), "");
        var copy = done(201, "POST", "/v2/sandboxes", "{\"templateID\":\"" + ids.getFirst() + "\"}");
        var made = ENGINE.engine().find(copy.path("sandboxID").asText()).orElseThrow();
        assertThat(read(made).body()).isEqualTo("x");
        for (var id : ids) {
            done(204, "DELETE", "/templates/" + id, "");
            done(404, "DELETE", "/templates/" + id, "");
        }
        done(404, "POST", "/v2/sandboxes", "{\"templateID\":\"" + ids.getFirst() + "\"}");
        done(404, "POST", "/sandboxes/none/snapshots", "{}");
        done(400, "POST", "/sandboxes/" + made.id() + "/snapshots", "{\"name\":\"A B\"}");
    }

    @Test
    void forksAreMadeOrSayWhyNot() {
        var sandbox = create("");
        write(sandbox, "x");

        var forks = done(201, "POST", "/sandboxes/" + sandbox.id() + "/fork", "{\"count\":6,\"timeout\":60}");

        assertThat(forks).hasSize(6);
        var failed = 0;
        for (var fork : forks) {
            if (fork.has("error")) {
                failed++;
                assertThat(fork.path("error").path("code").asInt()).isEqualTo(429);
                continue;
            }
            var id = fork.path("sandbox").path("sandboxID").asText();
            assertThat(read(ENGINE.engine().find(id).orElseThrow()).body()).isEqualTo("x");
        }
        assertThat(failed).isEqualTo(1);
        done(400, "POST", "/sandboxes/" + sandbox.id() + "/fork", "{\"count\":0}");
        done(404, "POST", "/sandboxes/none/fork", "{}");
    }
}
