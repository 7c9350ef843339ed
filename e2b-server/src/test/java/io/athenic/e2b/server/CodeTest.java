package io.athenic.e2b.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.athenic.e2b.protocol.CodeEvent;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import io.athenic.engine.KillCause;
import io.athenic.engine.Sandbox;
import io.athenic.engine.testing.EngineExtension;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class CodeTest {
    @RegisterExtension
    @Order(1)
    static final EngineExtension ENGINE = new EngineExtension();

    @RegisterExtension
    @Order(2)
    static final TestServer SERVER = new TestServer(ENGINE);

    private static HttpRequest.Builder execute(Sandbox sandbox, String code) {
        return SERVER.to(sandbox, E2b.CODE_PORT, "/execute")
                .header("Content-Type", "application/json")
                .header("Content-Type", E2b.JSON)
                .POST(BodyPublishers.ofString(Json.object().put("code", code).toString()));
    }

    private static List<CodeEvent> run(Sandbox sandbox, String code) {
        var answer = SERVER.text(execute(sandbox, code));
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return answer.body().lines().map(CodeEvent::parse).toList();
    }

    private static HttpResponse<String> call(Sandbox sandbox, String method, String path, String body) {
        return SERVER.text(SERVER.to(sandbox, E2b.CODE_PORT, path)
                .header("Content-Type", E2b.JSON)
                .method(method, BodyPublishers.ofString(body)));
    }

    private static BufferedReader begin(HttpRequest.Builder request) {
        var answer = SERVER.stream(request);
        assertThat(answer.statusCode()).isEqualTo(200);
        return new BufferedReader(new InputStreamReader(answer.body(), UTF_8));
    }

    private static HttpRequest.Builder attach(Sandbox sandbox, String id, long after) {
        return SERVER.to(sandbox, E2b.CODE_PORT, "/executions/" + id + "?after=" + after)
                .GET();
    }

    private static CodeEvent.Line next(BufferedReader lines) throws IOException {
        var line = lines.readLine();
        while (line != null && CodeEvent.parse(line) instanceof CodeEvent.KeepAlive) {
            line = lines.readLine();
        }
        if (line == null) {
            throw new AssertionError("the stream has ended early");
        }
        return CodeEvent.parseLine(line);
    }

    @Test
    void aDurableExecutionOutlivesItsClients() throws IOException {
        var sandbox = SERVER.sandbox();
        var text = new StringBuilder();
        long position = 0;
        var lines = begin(
                execute(sandbox, "for n in range(50000): print(n)\n'end'").header(E2b.HEADER_EXECUTION_ID, "run-1"));
        for (int client = 1; ; client++) {
            var line = next(lines);
            while (!(line.event() instanceof CodeEvent.Ended) && (client > 5 || text.length() < 40_000L * client)) {
                assertThat(line.position()).isGreaterThanOrEqualTo(position);
                position = line.position();
                text.append(line.event() instanceof CodeEvent.Stdout out ? out.text() : "");
                if (line.event() instanceof CodeEvent.Stdout) {
                    assertThat(call(sandbox, "POST", "/executions/run-1/ack", "{\"position\":" + position + "}")
                                    .statusCode())
                            .isEqualTo(204);
                }
                line = next(lines);
            }
            lines.close(); // the last line is not taken: it comes again
            if (line.event() instanceof CodeEvent.Ended) {
                break;
            }
            lines = begin(attach(sandbox, "run-1", position));
        }

        assertThat(text.toString())
                .isEqualTo(java.util.stream.IntStream.range(0, 50_000)
                        .mapToObj(n -> n + "\n")
                        .collect(java.util.stream.Collectors.joining()));
        assertThat(SERVER.text(attach(sandbox, "run-2", 0)).statusCode()).isEqualTo(404);
        assertThat(SERVER.text(attach(sandbox, "run-1", 0)).statusCode())
                .as("acknowledged")
                .isIn(404, 400);
        assertThat(SERVER.text(SERVER.to(sandbox, E2b.CODE_PORT, "/executions/run-1?after=x")
                                .GET())
                        .statusCode())
                .isEqualTo(400);
        assertThat(SERVER.text(execute(sandbox, "1").header(E2b.HEADER_EXECUTION_ID, "no/name"))
                        .statusCode())
                .isEqualTo(400);
    }

    @Test
    void aDurableExecutionIsInterruptedByARequest() throws IOException {
        var sandbox = SERVER.sandbox();
        var lines = begin(execute(sandbox, "print('on')\nwhile True: pass").header(E2b.HEADER_EXECUTION_ID, "run-1"));
        CodeEvent event = next(lines).event();
        while (!(event instanceof CodeEvent.Stdout)) {
            event = next(lines).event();
        }
        lines.close();
        lines = begin(attach(sandbox, "run-1", 0));

        assertThat(call(sandbox, "POST", "/executions/run-1/interrupt", "").statusCode())
                .isEqualTo(204);
        while (!(event instanceof CodeEvent.Failed)) {
            event = next(lines).event();
        }

        assertThat(((CodeEvent.Failed) event).name()).isEqualTo("KeyboardInterrupt");
        assertThat(next(lines).event()).isInstanceOf(CodeEvent.Ended.class);
        assertThat(call(sandbox, "POST", "/executions/other/interrupt", "").statusCode())
                .isEqualTo(404);
    }

    @Test
    void eventsAsTheSdksKnowThem() {
        var events = run(SERVER.sandbox(), "print(1)\n1+1");

        assertThat(events).hasSize(4);
        assertThat(events.get(0)).isInstanceOf(CodeEvent.Accepted.class);
        assertThat(events.get(1)).isInstanceOfSatisfying(CodeEvent.Stdout.class, e -> {
            assertThat(e.text()).isEqualTo("1\n");
            assertThat(e.timestamp()).isNotNull();
        });
        assertThat(events.get(2)).isInstanceOfSatisfying(CodeEvent.Result.class, e -> {
            assertThat(e.main()).isTrue();
            assertThat(e.formats().path("text").asText()).isEqualTo("2");
        });
        assertThat(events.get(3)).isEqualTo(new CodeEvent.Ended());
    }

    @Test
    void aClientThatLeavesInterruptsAndTheNextRunsAtOnce() throws IOException {
        var sandbox = SERVER.sandbox();
        run(sandbox, "kept = 41");
        for (var i = 0; i < 3; i++) {
            var answer = SERVER.stream(execute(sandbox, "import time\nprint('on', flush=True)\ntime.sleep(300)"));
            var lines = new BufferedReader(new InputStreamReader(answer.body(), UTF_8));
            while (!String.valueOf(lines.readLine()).contains("\"stdout\"")) {}
            answer.body().close();

            var next = run(sandbox, "kept + 1");

            assertThat(next)
                    .anySatisfy(event -> assertThat(event)
                            .isInstanceOfSatisfying(
                                    CodeEvent.Result.class,
                                    e -> assertThat(e.formats().path("text").asText())
                                            .isEqualTo("42")));
        }
    }

    @Test
    void silenceIsFilledWithKeepalives() throws IOException {
        var sandbox = SERVER.sandbox();
        var answer = SERVER.stream(execute(sandbox, "import time\ntime.sleep(300)"));
        try (var lines = new BufferedReader(new InputStreamReader(answer.body(), UTF_8))) {
            assertThat(CodeEvent.parse(lines.readLine())).isInstanceOf(CodeEvent.Accepted.class);
            assertThat(CodeEvent.parse(lines.readLine())).isEqualTo(new CodeEvent.KeepAlive());
        }
    }

    @Test
    void theEndOfTheSandboxCutsTheExecution() throws IOException {
        var sandbox = SERVER.sandbox();
        var answer = SERVER.stream(execute(sandbox, "import time\ntime.sleep(300)"));
        try (var lines = new BufferedReader(new InputStreamReader(answer.body(), UTF_8))) {
            lines.readLine();

            sandbox.kill(KillCause.USER);

            assertThatThrownBy(() -> {
                        while (lines.readLine() != null) {}
                    })
                    .isInstanceOfAny(IOException.class, UncheckedIOException.class);
        }
    }

    @Test
    void contextsLiveAndDie() {
        var sandbox = SERVER.sandbox();

        var made = Json.readObject(call(sandbox, "POST", "/contexts", "{\"language\":\"python\",\"cwd\":\"/tmp\"}")
                .body()
                .getBytes(UTF_8));
        var id = made.path("id").asText();
        assertThat(made.path("cwd").asText()).isEqualTo("/tmp");
        assertThat(call(sandbox, "GET", "/contexts", "").body()).contains(id);
        var restarted = call(sandbox, "POST", "/contexts/" + id + "/restart", "");
        assertThat(restarted.statusCode()).isEqualTo(200);
        assertThat(restarted.body()).isEqualTo("null");
        assertThat(call(sandbox, "DELETE", "/contexts/" + id, "").body()).isEqualTo("null");
        assertThat(call(sandbox, "DELETE", "/contexts/" + id, "").statusCode()).isEqualTo(404);
    }

    @Test
    void refusalsArePlainText() {
        var sandbox = SERVER.sandbox();

        var unknown = call(sandbox, "POST", "/execute", "{\"code\":\"1\",\"context_id\":\"nope\"}");
        assertThat(unknown.statusCode()).isEqualTo(404);
        assertThat(unknown.body()).isEqualTo("Context nope not found");
        assertThat(call(sandbox, "POST", "/execute", "{\"code\":\"1\",\"context_id\":\"a\",\"language\":\"python\"}")
                        .statusCode())
                .isEqualTo(400);
        assertThat(call(sandbox, "POST", "/execute", "{\"code\":\"1\",\"language\":\"cobol\"}")
                        .statusCode())
                .isEqualTo(400);
        assertThat(call(sandbox, "POST", "/execute", "{").statusCode()).isEqualTo(400);
        assertThat(call(sandbox, "POST", "/execute", "{}").statusCode()).isEqualTo(400);
        assertThat(call(sandbox, "POST", "/execute", "{\"code\":\"1\",\"env_vars\":{\"A\":null}}")
                        .statusCode())
                .isEqualTo(400);
        assertThat(call(sandbox, "GET", "/nothing", "").statusCode()).isEqualTo(404);
        assertThat(call(sandbox, "GET", "/health", "").body()).isEqualTo("\"OK\"");
        var noToken = SERVER.text(
                SERVER.request("/execute", E2b.HEADER_SANDBOX_ID, sandbox.id(), E2b.HEADER_SANDBOX_PORT, "49999")
                        .header("Content-Type", E2b.JSON)
                        .POST(BodyPublishers.ofString("{\"code\":\"1\"}")));
        assertThat(noToken.statusCode()).isEqualTo(401);
    }

    @Test
    void manyLinesArriveWholeAndJoined() {
        var events = run(SERVER.sandbox(), "for i in range(20000): print(i)");

        var text = new StringBuilder();
        var chunks = 0;
        for (var event : events) {
            if (event instanceof CodeEvent.Stdout out) {
                text.append(out.text());
                chunks++;
            }
        }
        assertThat(text.toString().lines().count()).isEqualTo(20000);
        assertThat(chunks).isLessThan(2000);
    }
}
