package io.athenic.execution;

import static io.athenic.execution.ServiceFixture.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExecutionSocketsTest {
    @TempDir
    private Path folder;

    private ServiceFixture fixture;
    private final List<TestSocket> opened = new ArrayList<>();

    @BeforeEach
    void start() {
        fixture = ServiceFixture.start(folder);
    }

    @AfterEach
    void stop() {
        opened.forEach(TestSocket::close);
        await().until(() -> fixture.sockets().size() == 0);
        fixture.close();
    }

    private TestSocket connect(String query) {
        TestSocket socket = TestSocket.open(fixture.port(), query);
        opened.add(socket);
        return socket;
    }

    private Execution start(String code, String clientId) {
        return fixture.service().start(ExecutionRequest.of(code, "python").forClient(clientId));
    }

    private static List<String> shape(List<JsonNode> messages) {
        return messages.stream()
                .map(m -> m.path("type").asText()
                        + (m.has("status") ? ":" + m.path("status").asText() : "")
                        + (m.path("data").isTextual()
                                ? ":" + m.path("data").asText().strip()
                                : ""))
                .toList();
    }

    @Test
    void aClientThatWaitsGetsAllAsItComes() throws Exception {
        TestSocket socket = connect("/?clientId=c1");
        JsonNode hello = socket.next();
        assertThat(hello.path("status").asText()).isEqualTo("connected");
        assertThat(hello.path("clientId").asText()).isEqualTo("c1");
        assertThat(hello.has("sequence")).isFalse();

        Execution execution = start("print a\nawait go\nerr b\nresult {\"text\":\"2\"}", "c1");
        List<JsonNode> first = socket.until(m -> m.path("type").asText().equals("stdout"));
        fixture.e2b().sandbox(execution.sandboxId().orElseThrow()).code().release("go");
        List<JsonNode> rest = socket.untilFinal();

        assertThat(shape(first)).containsExactly("status:starting", "status:running", "stdout:a");
        assertThat(shape(rest)).containsExactly("stderr:b", "result", "result", "status:completed");
        JsonNode summary = rest.get(2);
        assertThat(summary.path("duration").isIntegralNumber()).isTrue();
        assertThat(summary.path("data").path("results")).hasSize(1);
        assertThat(summary.path("executionId").asText()).isEqualTo(execution.id());
        assertThat(summary.path("timestamp").asText()).isNotEmpty();
        first.addAll(rest);
        assertThat(first)
                .extracting(m -> m.path("sequence").asLong())
                .isEqualTo(LongStream.rangeClosed(1, 7).boxed().toList());
    }

    @Test
    void aLateClientGetsTheWholeLogAndThenWhatFollows() throws Exception {
        start("print a", "c1").await(SOON);

        TestSocket socket = connect("/any/path?clientId=c1");

        assertThat(shape(socket.untilFinal()))
                .containsExactly(
                        "status:connected",
                        "status:starting",
                        "status:running",
                        "stdout:a",
                        "result",
                        "status:completed");
        start("print b", "c1");
        assertThat(shape(socket.untilFinal())).contains("stdout:b");
    }

    @Test
    void aClientResumesBehindWhatItHasSeen() throws Exception {
        Execution execution = start("print a\nerr b\nprint c", "c1");
        execution.await(SOON);

        TestSocket socket = connect("/?clientId=c1&executionId=" + execution.id() + "&after=4");

        assertThat(shape(socket.untilFinal()))
                .containsExactly("status:connected", "stdout:c", "result", "status:completed");
    }

    @Test
    void anotherClientsExecutionIsUnknown() throws Exception {
        Execution execution = start("print secret", "c1");
        execution.await(SOON);

        TestSocket socket = connect("/?clientId=c2&executionId=" + execution.id());
        socket.next();

        JsonNode refused = socket.next();
        assertThat(refused.path("type").asText()).isEqualTo("error");
        assertThat(refused.path("error").asText()).contains("no execution");
        start("print mine", "c2");
        assertThat(shape(socket.untilFinal())).contains("stdout:mine").doesNotContain("stdout:secret");
    }

    @Test
    void withoutAClientIdItIsClosed() throws Exception {
        TestSocket socket = connect("/");

        assertThat(socket.closeCode()).isEqualTo(1008);
        assertThat(socket.closeReason()).isEqualTo("Client ID is required");
        assertThat(connect("/?clientId=c&after=-1").closeCode()).isEqualTo(1008);
    }

    @Test
    void aSecondConnectionTakesOver() throws Exception {
        TestSocket first = connect("/?clientId=c1");
        first.next();

        TestSocket second = connect("/?clientId=c1");
        second.next();

        assertThat(first.closeCode()).isEqualTo(4409);
        start("print a", "c1");
        assertThat(shape(second.untilFinal())).contains("stdout:a");
    }

    @Test
    void aClientCancels() throws Exception {
        TestSocket socket = connect("/?clientId=c1");
        start("print a\nsleep", "c1");
        socket.until(m -> m.path("type").asText().equals("stdout"));

        socket.send("{\"type\":\"cancel\"}");

        List<JsonNode> rest = socket.untilFinal();
        assertThat(shape(rest)).containsExactly("status:cancelled");
        assertThat(rest.get(0).path("message").asText()).contains("Stopped by the user");
    }

    @Test
    void aClientCannotCancelAnothersExecution() throws Exception {
        Execution execution = start("sleep", "c1");
        TestSocket socket = connect("/?clientId=c2");
        socket.next();

        socket.send("{\"type\":\"cancel\",\"executionId\":\"" + execution.id() + "\"}");

        assertThat(socket.next().path("error").asText()).contains("no running execution");
        assertThat(execution.status().isFinal()).isFalse();
    }

    @Test
    void pingIsAnsweredAndNonsenseIsRefused() throws Exception {
        TestSocket socket = connect("/?clientId=c1");
        socket.next();

        socket.send("{\"type\":\"ping\"}");
        assertThat(socket.next().path("type").asText()).isEqualTo("pong");
        for (String nonsense : List.of("hello", "[]", "{\"type\":\"execute\"}", "{")) {
            socket.send(nonsense);
            assertThat(socket.next().path("type").asText()).isEqualTo("error");
        }
        socket.send("{\"type\":\"ping\"}");
        assertThat(socket.next().path("type").asText()).isEqualTo("pong");
    }

    @Test
    void aFailureCarriesItsTraceback() throws Exception {
        TestSocket socket = connect("/?clientId=c1");
        start("fail ValueError bad", "c1");

        List<JsonNode> all = socket.untilFinal();

        JsonNode error = all.stream()
                .filter(m -> m.path("type").asText().equals("error"))
                .findFirst()
                .orElseThrow();
        assertThat(error.path("error").asText()).isEqualTo("ValueError: bad");
        assertThat(error.path("name").asText()).isEqualTo("ValueError");
        assertThat(error.path("traceback").asText()).startsWith("Traceback");
        assertThat(all.getLast().path("status").asText()).isEqualTo("error");
    }

    @Test
    void aSlowClientDelaysNobodyAndLosesNothing() throws Exception {
        TestSocket slow = connect("/?clientId=c1");
        slow.next();
        slow.pause();

        Execution execution = start("flood 300\nprint end", "c1");
        ExecutionOutcome outcome = execution.await(SOON);

        assertThat(outcome.status()).isEqualTo(ExecutionStatus.COMPLETED);
        slow.resume();
        List<JsonNode> all = slow.untilFinal();
        long chars = all.stream()
                .filter(m -> m.path("type").asText().equals("stdout"))
                .mapToLong(m -> m.path("data").asText().length())
                .sum();
        assertThat(chars).isEqualTo(300L * (64 << 10) + "end\n".length());
        assertThat(all)
                .extracting(m -> m.path("sequence").asLong())
                .isEqualTo(LongStream.rangeClosed(1, all.size()).boxed().toList());
    }

    @Test
    void aHugeResultComesWhole() throws Exception {
        TestSocket socket = connect("/?clientId=c1");
        start("png 5000000", "c1");

        List<JsonNode> all = socket.untilFinal();

        assertThat(all.get(3).path("data").path("png").asText()).hasSize(5_000_000);
        JsonNode repeated = all.get(4).path("data").path("results").get(0);
        assertThat(repeated.has("png")).isFalse();
        assertThat(repeated.path("sequence").asLong()).isEqualTo(3);
    }

    @Test
    void shutdownSaysSo() throws Exception {
        TestSocket socket = connect("/?clientId=c1");
        socket.next();

        fixture.sockets().close();

        assertThat(socket.closeCode()).isEqualTo(1001);
        assertThat(connect("/?clientId=c2").closeCode()).isEqualTo(1013);
    }
}
