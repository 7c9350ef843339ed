package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The line protocol against a peer that says what no real roomd says. */
final class RoomdClientTest {
    private static final Duration LONG = Duration.ofSeconds(60);

    private final Heard heard = new Heard();

    @SuppressWarnings("NullAway.Init")
    private ServerSocketChannel server;

    @SuppressWarnings("NullAway.Init")
    private RoomdClient client;

    @SuppressWarnings("NullAway.Init")
    private SocketChannel peer;

    @BeforeEach
    void connect(@TempDir Path folder) throws IOException {
        Path socket = folder.resolve("roomd.sock");
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket));
        client = RoomdClient.connect(socket, heard);
        peer = server.accept();
    }

    @AfterEach
    void disconnect() throws IOException {
        client.close();
        peer.close();
        server.close();
    }

    @Test
    void answersFindTheirRequestsInAnyOrder() throws IOException {
        RoomdClient.Pending first = client.send("a", Json.object());
        RoomdClient.Pending second = client.send("b", Json.object());

        say("{\"id\":2,\"ok\":{\"n\":2}}\n{\"id\":1,\"o");
        say("k\":{\"n\":1}}\n");

        assertThat(first.await(LONG).path("n").asInt()).isEqualTo(1);
        assertThat(second.await(LONG).path("n").asInt()).isEqualTo(2);
    }

    @Test
    void anErrorBecomesAnExceptionWithItsCode() throws IOException {
        RoomdClient.Pending request = client.send("a", Json.object());

        say("{\"id\":1,\"error\":{\"code\":\"not_found\",\"message\":\"no such room\"}}\n");

        assertThatThrownBy(() -> request.await(LONG))
                .isInstanceOfSatisfying(
                        EngineException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND))
                .hasMessage("no such room");
    }

    @Test
    void noAnswerWithinTheTimeIsAnErrorAndTheLateAnswerIsIgnored() throws IOException {
        RoomdClient.Pending late = client.send("a", Json.object());
        assertThatThrownBy(() -> late.await(Duration.ofMillis(10)))
                .isInstanceOfSatisfying(
                        EngineException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED));

        RoomdClient.Pending next = client.send("b", Json.object());
        say("{\"id\":1,\"ok\":{}}\n{\"id\":99,\"ok\":{}}\n{\"id\":2,\"ok\":{\"n\":2}}\n");

        assertThat(next.await(LONG).path("n").asInt()).isEqualTo(2);
    }

    @Test
    void theEndOfRoomdFailsWhatWaitsAndWhatComes() throws IOException {
        RoomdClient.Pending waiting = client.send("a", Json.object());

        peer.close();

        assertThatThrownBy(() -> waiting.await(LONG)).hasMessageContaining("roomd is gone");
        await().atMost(LONG).until(() -> heard.events.contains("gone"));
        assertThatThrownBy(() -> client.send("b", Json.object())).hasMessageContaining("roomd is gone");
    }

    @Test
    void aLineThatIsTooLongOrNotJsonEndsTheConnection() throws IOException {
        say("x".repeat(RoomdClient.MAX_LINE));

        await().atMost(LONG).until(() -> heard.events.contains("gone"));
    }

    @Test
    void garbageEndsTheConnection() throws IOException {
        say("{\"id\":1,\n");

        await().atMost(LONG).until(() -> heard.events.contains("gone"));
    }

    @Test
    void eventsAreTold() throws IOException {
        say("""
                {"event":"guest.exit","sandbox":"i1","name":"python1","signal":11}
                {"event":"something.new"}
                {"event":"oom","sandbox":"i1","kills":3}
                {"event":"room.exit","sandbox":"i1"}
                """);

        await().atMost(LONG).until(() -> heard.events.size() == 3);
        assertThat(heard.events).containsExactly("i1 python1 signal 11 (segmentation fault)", "i1 oom 3", "i1 room");
    }

    @Test
    void aRequestThatDoesNotFitALineIsRefusedHere() {
        assertThatThrownBy(() -> client.send("a", Json.object().put("env", "x".repeat(70_000))))
                .isInstanceOfSatisfying(
                        EngineException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT));
    }

    @Test
    void anInterruptedCallerLeavesTheConnectionWhole() throws Exception {
        Thread caller = Thread.ofVirtual().start(() -> {
            Thread.currentThread().interrupt();
            try {
                client.call("a", Json.object(), LONG);
            } catch (EngineException e) {
                heard.events.add("interrupted");
            }
        });
        assertThat(caller.join(LONG)).isTrue();
        assertThat(heard.events).containsExactly("interrupted");

        RoomdClient.Pending next = client.send("b", Json.object());
        say("{\"id\":2,\"ok\":{\"n\":2}}\n");

        assertThat(next.await(LONG).path("n").asInt()).isEqualTo(2);
    }

    private void say(String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            peer.write(bytes);
        }
    }

    private static final class Heard implements RoomdEvents {
        private final List<String> events = new CopyOnWriteArrayList<>();

        @Override
        public void guestExited(String sandbox, String name, GuestExit exit) {
            events.add(sandbox + " " + name + " " + exit.text());
        }

        @Override
        public void roomExited(String sandbox) {
            events.add(sandbox + " room");
        }

        @Override
        public void outOfMemory(String sandbox, long kills) {
            events.add(sandbox + " oom " + kills);
        }

        @Override
        public void zygoteExited(String template) {
            events.add("zygote " + template);
        }

        @Override
        public void roomdGone(EngineException cause) {
            events.add("gone");
        }
    }
}
