package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2e.product.Product;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Live output over the WebSocket: early, late, lost and found again, taken over, cancelled. */
@ExtendWith(ProductExtension.class)
class OutputSocketTest {
    private static final String ENDLESS = "import time\nprint('begun', flush=True)\nwhile True: time.sleep(0.01)";

    private final int port;
    private final Http http;
    private final String client = "client-" + UUID.randomUUID();

    OutputSocketTest(Product product) {
        this.port = product.port();
        this.http = new Http(product.port());
    }

    @Test
    void clientThatConnectsFirstGetsEverythingInOrder() {
        try (var socket = new OutputSocket(port, "clientId=" + client)) {
            JsonNode connected = socket.awaitStatus("connected");
            String id = execute("import sys\nprint('one')\nprint('two', file=sys.stderr)\nprint('three')\n6 * 7");

            assertThat(socket.awaitEnd()).isEqualTo("completed");
            assertThat(connected.path("clientId").asText()).isEqualTo(client);
            assertThat(connected.has("sequence")).isFalse();
            assertThat(socket.text("stdout")).isEqualTo("one\nthree\n");
            assertThat(socket.text("stderr")).isEqualTo("two\n");
            assertThat(socket.sequences())
                    .isEqualTo(LongStream.rangeClosed(1, socket.sequences().size())
                            .boxed()
                            .toList());
            assertThat(socket.seen())
                    .filteredOn(message -> message.has("sequence"))
                    .allSatisfy(message -> {
                        assertThat(message.path("executionId").asText()).isEqualTo(id);
                        assertThat(message.path("timestamp").asText()).isNotEmpty();
                    });
            assertThat(socket.seen())
                    .filteredOn(message -> OutputSocket.type(message).equals("result"))
                    .anySatisfy(message ->
                            assertThat(message.at("/data/text").asText()).isEqualTo("42"))
                    .last()
                    .satisfies(message -> assertThat(
                                    message.at("/data/results/0/text").asText())
                            .isEqualTo("42"));
        }
    }

    @Test
    void firstLineArrivesWhileTheProgramStillRuns() {
        try (var socket = new OutputSocket(port, "clientId=" + client)) {
            String id = execute(ENDLESS);

            socket.await(message -> OutputSocket.type(message).equals("stdout"));

            assertThat(http.get("/executions/" + id)
                            .expect(200)
                            .json()
                            .path("status")
                            .asText())
                    .isEqualTo("running");
            http.post("/executions/" + id + "/cancel", Map.of()).expect(202);
            assertThat(socket.awaitEnd()).isEqualTo("cancelled");
        }
    }

    @Test
    void clientThatConnectsAfterTheEndGetsTheWholeLog() {
        String id = execute("for i in range(100): print(i)");
        Executions.awaitEnd(http, id);

        try (var socket = new OutputSocket(port, "clientId=" + client)) {
            assertThat(socket.awaitEnd()).isEqualTo("completed");
            assertThat(socket.text("stdout")).isEqualTo(lines(100));
        }
    }

    @Test
    void clientThatLostItsConnectionGoesOnAtTheExactPlace() {
        String id = execute("import time\nfor i in range(60):\n    print(i, flush=True)\n    time.sleep(0.02)");
        var sequences = new ArrayList<Long>();
        var text = new StringBuilder();
        String status = "";
        for (int attempt = 0; status.isEmpty(); attempt++) {
            long after = sequences.isEmpty() ? 0 : sequences.getLast();
            try (var socket = new OutputSocket(port, "clientId=" + client + "&executionId=" + id + "&after=" + after)) {
                // On a machine that stood still the rest may come at once.
                status = attempt < 4 ? socket.awaitTexts(2) : socket.awaitEnd();
                sequences.addAll(socket.sequences());
                text.append(socket.text("stdout"));
            }
        }

        assertThat(status).isEqualTo("completed");
        assertThat(text.toString()).isEqualTo(lines(60));
        assertThat(sequences)
                .isEqualTo(LongStream.rangeClosed(1, sequences.size()).boxed().toList());
    }

    @Test
    void secondConnectionWithTheSameIdTakesOver() {
        try (var first = new OutputSocket(port, "clientId=" + client)) {
            first.awaitStatus("connected");
            try (var second = new OutputSocket(port, "clientId=" + client)) {
                second.awaitStatus("connected");

                assertThat(first.awaitClose()).isEqualTo(4409);
                execute("print('for the second')");
                assertThat(second.awaitEnd()).isEqualTo("completed");
                assertThat(second.text("stdout")).isEqualTo("for the second\n");
            }
        }
    }

    @Test
    void connectionWithoutAClientIdIsClosed() {
        try (var socket = new OutputSocket(port, "")) {
            assertThat(socket.awaitClose()).isEqualTo(1008);
        }
    }

    @Test
    void cancelOverTheSocketStopsTheProgram() {
        try (var socket = new OutputSocket(port, "clientId=" + client)) {
            String id = execute(ENDLESS);
            socket.await(message -> OutputSocket.type(message).equals("stdout"));

            socket.send("{\"type\":\"cancel\",\"executionId\":\"" + id + "\"}");

            assertThat(socket.awaitEnd()).isEqualTo("cancelled");
            assertThat(http.get("/executions/" + id)
                            .expect(200)
                            .json()
                            .path("status")
                            .asText())
                    .isEqualTo("cancelled");
        }
    }

    @Test
    void junkOfAClientIsAnsweredAndChangesNothing() {
        try (var socket = new OutputSocket(port, "clientId=" + client)) {
            socket.awaitStatus("connected");
            for (String junk : List.of("not json", "[]", "{\"type\":17}", "{\"type\":\"launch\"}", "")) {
                socket.send(junk);
                JsonNode answer =
                        socket.await(message -> OutputSocket.type(message).equals("error"));
                assertThat(answer.path("error").asText()).isNotEmpty().doesNotContain("Exception");
            }
            socket.send("{\"type\":\"ping\"}");
            socket.await(message -> OutputSocket.type(message).equals("pong"));
            execute("print('fine')");
            assertThat(socket.awaitEnd()).isEqualTo("completed");
        }
    }

    @Test
    void messageOverItsBoundEndsOnlyItsOwnConnection() {
        try (var socket = new OutputSocket(port, "clientId=" + client)) {
            socket.awaitStatus("connected");
            socket.sendRefused("x".repeat(100 << 10));

            assertThat(socket.awaitClose()).isIn(1006, 1009);
        }
        try (var again = new OutputSocket(port, "clientId=" + client)) {
            again.awaitStatus("connected");
        }
    }

    @Test
    void oneClientRunsOneExecutionAtATime() {
        String id = execute(ENDLESS);
        try {
            assertThat(http.post("/execute-stream", Map.of("code", "print(1)", "clientId", client))
                            .expect(409)
                            .json()
                            .path("code")
                            .asText())
                    .isEqualTo("conflict");
        } finally {
            http.post("/executions/" + id + "/cancel", Map.of()).expect(202);
        }
        assertThat(Executions.awaitEnd(http, id).path("status").asText()).isEqualTo("cancelled");
    }

    @Test
    void slowReaderMissesNothing() {
        String id = execute("for i in range(20000): print(i)");
        Executions.awaitEnd(http, id);

        try (var socket = new OutputSocket(port, "clientId=" + client + "&executionId=" + id)) {
            socket.await(message -> {
                Product.pause(2);
                return OutputSocket.type(message).equals("status")
                        && message.path("status").asText().equals("completed");
            });
            assertThat(socket.text("stdout")).isEqualTo(lines(20000));
        }
    }

    private String execute(String code) {
        return http.post("/execute-stream", Map.of("code", code, "clientId", client))
                .expect(202)
                .json()
                .path("executionId")
                .asText();
    }

    private static String lines(int count) {
        return IntStream.range(0, count).mapToObj(i -> i + "\n").collect(Collectors.joining());
    }
}
