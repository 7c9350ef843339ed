package io.athenic.e2b.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.athenic.e2b.protocol.ConnectCode;
import io.athenic.e2b.protocol.ConnectFrame;
import io.athenic.e2b.protocol.ConnectFrames;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.ProcessEvent;
import io.athenic.engine.KillCause;
import io.athenic.engine.Sandbox;
import io.athenic.engine.testing.EngineExtension;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class ProcessTest {
    @RegisterExtension
    @Order(1)
    static final EngineExtension ENGINE = new EngineExtension();

    @RegisterExtension
    @Order(2)
    static final TestServer SERVER = new TestServer(ENGINE);

    private static HttpRequest.Builder streaming(Sandbox sandbox, String method, String... messages) {
        var body = new ByteArrayOutputStream();
        for (var message : messages) {
            body.writeBytes(ConnectFrame.message(message.getBytes(UTF_8)));
        }
        return SERVER.to(sandbox, E2b.ENVD_PORT, "/process.Process/" + method)
                .header("Content-Type", E2b.CONNECT_JSON)
                .POST(BodyPublishers.ofByteArray(body.toByteArray()));
    }

    private static HttpRequest.Builder start(Sandbox sandbox, String command) {
        return streaming(
                sandbox,
                "Start",
                Json.object()
                        .set(
                                "process",
                                Json.object()
                                        .put("cmd", "/bin/bash")
                                        .set(
                                                "args",
                                                Json.read(
                                                                "[\"-c\"]",
                                                                com.fasterxml.jackson.databind.node.ArrayNode.class)
                                                        .add(command)))
                        .toString());
    }

    private static HttpResponse<String> unary(Sandbox sandbox, String method, String body) {
        return SERVER.text(SERVER.to(sandbox, E2b.ENVD_PORT, "/process.Process/" + method)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body)));
    }

    /** The events of a stream, and the error it ended with. */
    private record Seen(List<ProcessEvent> events, @Nullable ConnectCode error) {
        String stdout() {
            var text = new ByteArrayOutputStream();
            for (var event : events) {
                if (event instanceof ProcessEvent.Stdout out) {
                    text.writeBytes(out.data());
                }
            }
            return text.toString(UTF_8);
        }
    }

    private static ProcessEvent event(ConnectFrames frames) throws IOException {
        var frame = frames.next();
        if (frame == null || frame.end()) {
            throw new AssertionError("the stream ended: " + (frame == null ? "cut" : frame.error()));
        }
        return Json.read(frame.payload(), ProcessEvent.Message.class).event();
    }

    private static Seen drain(InputStream body) throws IOException {
        var events = new ArrayList<ProcessEvent>();
        var frames = new ConnectFrames(body, 4 << 20);
        for (var frame = frames.next(); frame != null; frame = frames.next()) {
            if (frame.end()) {
                var error = frame.error();
                assertThat(frames.next()).isNull();
                return new Seen(events, error == null ? null : error.code());
            }
            events.add(Json.read(frame.payload(), ProcessEvent.Message.class).event());
        }
        throw new AssertionError("no end of stream after " + events);
    }

    @Test
    void startOutputEnd() throws IOException {
        var answer = SERVER.stream(start(SERVER.sandbox(), "echo hi; exit 3"));

        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.headers().firstValue("Content-Type")).contains(E2b.CONNECT_JSON);
        var seen = drain(answer.body());
        assertThat(seen.events().getFirst()).isInstanceOf(ProcessEvent.Started.class);
        assertThat(seen.stdout()).isEqualTo("hi\n");
        assertThat(seen.events().getLast())
                .isEqualTo(new ProcessEvent.Ended(3, true, "exit status 3", "exit status 3"));
        assertThat(seen.error()).isNull();
    }

    @Test
    void silentStreamsAreKeptAlive() throws IOException {
        var sandbox = SERVER.sandbox();
        var answer = SERVER.stream(start(sandbox, "sleep 300").header("Keepalive-Ping-Interval", "1"));
        var frames = new ConnectFrames(answer.body(), 1 << 20);

        assertThat(event(frames)).isInstanceOf(ProcessEvent.Started.class);
        assertThat(event(frames)).isEqualTo(new ProcessEvent.KeepAlive());
        assertThat(event(frames)).isEqualTo(new ProcessEvent.KeepAlive());

        answer.body().close();
    }

    @Test
    void theDeadlineKillsTheProcessAndNamesItself() throws IOException {
        var sandbox = SERVER.sandbox();

        var seen = drain(SERVER.stream(start(sandbox, "exec sleep 301").header("Connect-Timeout-Ms", "300"))
                .body());

        assertThat(seen.error()).isEqualTo(ConnectCode.DEADLINE_EXCEEDED);
        await().until(() -> sandbox.agent().list().isEmpty());
    }

    @Test
    void aClientThatLeavesDoesNotEndItsProcess() throws IOException {
        var sandbox = SERVER.sandbox();
        var answer = SERVER.stream(start(sandbox, "while true; do echo tick; sleep 0.01; done"));
        var frames = new ConnectFrames(answer.body(), 1 << 20);
        var pid = ((ProcessEvent.Started) event(frames)).pid();
        answer.body().close();

        var again = SERVER.stream(streaming(sandbox, "Connect", "{\"process\":{\"pid\":" + pid + "}}"));
        var ticks = new ConnectFrames(again.body(), 1 << 20);
        assertThat(event(ticks)).isEqualTo(new ProcessEvent.Started(pid));
        assertThat(event(ticks)).isInstanceOf(ProcessEvent.Stdout.class);
        assertThat(unary(sandbox, "SendSignal", "{\"process\":{\"pid\":" + pid + "},\"signal\":\"SIGNAL_SIGKILL\"}")
                        .statusCode())
                .isEqualTo(200);
        again.body().close();
        await().until(() -> sandbox.agent().list().isEmpty());
    }

    @Test
    void theEndOfTheSandboxCutsTheStream() throws IOException {
        var sandbox = SERVER.sandbox();
        var answer = SERVER.stream(start(sandbox, "sleep 302"));
        var frames = new ConnectFrames(answer.body(), 1 << 20);
        event(frames);

        sandbox.kill(KillCause.USER);

        assertThatThrownBy(frames::next).isInstanceOf(IOException.class);
        var after = SERVER.text(SERVER.to(sandbox, E2b.ENVD_PORT, "/health"));
        assertThat(after.statusCode()).isEqualTo(502);
        assertThat(after.body())
                .isEqualTo("{\"sandboxId\":\"" + sandbox.id()
                        + "\",\"message\":\"The sandbox was not found\",\"code\":502}");
    }

    @Test
    void inputInPiecesByOneStream() throws IOException {
        var sandbox = SERVER.sandbox();
        var answer = SERVER.stream(start(sandbox, "head -c 9; echo; exit 0"));
        var frames = new ConnectFrames(answer.body(), 1 << 20);
        var pid = ((ProcessEvent.Started) event(frames)).pid();

        var sent = SERVER.text(streaming(
                sandbox,
                "StreamInput",
                "{\"start\":{\"process\":{\"pid\":" + pid + "}}}",
                "{\"data\":{\"input\":{\"stdin\":\"b25l\"}}}",
                "{\"keepalive\":{}}",
                "{\"data\":{\"input\":{\"stdin\":\"dHdvIDEy\"}}}"));

        assertThat(sent.statusCode()).isEqualTo(200);
        var text = new StringBuilder();
        for (var event = event(frames); !(event instanceof ProcessEvent.Ended); event = event(frames)) {
            text.append(new String(((ProcessEvent.Stdout) event).data(), UTF_8));
        }
        assertThat(text.toString()).isEqualTo("onetwo 12\n");
    }

    @Test
    void refusalsAreConnectsOwn() throws IOException {
        var sandbox = SERVER.sandbox();

        assertThat(drain(SERVER.stream(streaming(sandbox, "Connect", "{\"process\":{\"pid\":999999}}"))
                                .body())
                        .error())
                .isEqualTo(ConnectCode.NOT_FOUND);
        assertThat(drain(SERVER.stream(streaming(sandbox, "Start", "{}")).body())
                        .error())
                .isEqualTo(ConnectCode.INVALID_ARGUMENT);
        assertThat(drain(SERVER.stream(streaming(sandbox, "Start")).body()).error())
                .isEqualTo(ConnectCode.INVALID_ARGUMENT);
        assertThat(drain(SERVER.stream(streaming(sandbox, "Start", "{\"process\":{\"cmd\":\"/no/such\"}}"))
                                .body())
                        .error())
                .isNotNull();
        assertThat(unary(sandbox, "SendInput", "{\"process\":{\"pid\":999999},\"input\":{\"stdin\":\"\"}}")
                        .statusCode())
                .isEqualTo(404);
        assertThat(unary(sandbox, "SendInput", "{\"process\":{\"pid\":1}}").body())
                .contains("invalid_argument");
        assertThat(unary(sandbox, "Nothing", "{}").statusCode()).isEqualTo(501);
        var binary = SERVER.text(SERVER.to(sandbox, E2b.ENVD_PORT, "/process.Process/List")
                .header("Content-Type", "application/proto")
                .POST(BodyPublishers.noBody()));
        assertThat(binary.statusCode()).isEqualTo(415);
        assertThat(binary.body()).contains("protobuf");
        assertThat(SERVER.text(SERVER.to(sandbox, E2b.ENVD_PORT, "/process.Process/List"))
                        .statusCode())
                .isEqualTo(405);
        var huge = new byte[] {0, 0x7f, 0, 0, 0};
        var large = SERVER.stream(SERVER.to(sandbox, E2b.ENVD_PORT, "/process.Process/Start")
                .header("Content-Type", E2b.CONNECT_JSON)
                .POST(BodyPublishers.ofByteArray(huge)));
        assertThat(drain(large.body()).error()).isEqualTo(ConnectCode.INVALID_ARGUMENT);
        var noToken = SERVER.text(SERVER.request(
                        "/process.Process/List",
                        E2b.HEADER_SANDBOX_ID,
                        sandbox.id(),
                        "Content-Type",
                        "application/json")
                .POST(BodyPublishers.ofString("{}")));
        assertThat(noToken.statusCode()).isEqualTo(401);
    }

    @Test
    void aSlowReaderSlowsTheProcessAndNotTheServer() throws IOException {
        var sandbox = SERVER.sandbox();
        var id = sandbox.id();
        var token = sandbox.accessToken().orElseThrow();
        var body = ConnectFrame.message(
                "{\"process\":{\"cmd\":\"/bin/bash\",\"args\":[\"-c\",\"yes | head -c 200000000; echo > /tmp/finished\"]}}"
                        .getBytes(UTF_8));
        var head = "POST /process.Process/Start HTTP/1.1\r\nHost: localhost\r\nE2b-Sandbox-Id: " + id
                + "\r\nE2b-Sandbox-Port: 49983\r\nX-Access-Token: " + token
                + "\r\nContent-Type: application/connect+json\r\nContent-Length: " + body.length + "\r\n\r\n";
        try (var socket = SERVER.raw(head)) {
            socket.getOutputStream().write(body);
            assertThat(socket.getInputStream().readNBytes(1000)).hasSize(1000);

            // Nothing more is read: the program comes to a stand before it has written all.
            var before = new AtomicLong();
            await().pollInterval(Duration.ofMillis(300)).until(() -> {
                var used = sandbox.use().cpuMicros();
                return used - before.getAndSet(used) < 5_000;
            });
            assertThat(sandbox.agent().list()).hasSize(1);
        }
    }
}
