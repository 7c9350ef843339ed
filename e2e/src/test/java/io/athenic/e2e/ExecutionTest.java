package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.athenic.e2e.Http.Answer;
import io.athenic.e2e.product.Product;
import java.io.IOException;
import java.util.Map;
import java.util.UUID;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The endpoints of docs/PROTOCOL.md, section 6, as a program meets them. */
@ExtendWith(ProductExtension.class)
class ExecutionTest {
    private final int port;
    private final Http http;

    ExecutionTest(Product product) {
        this.port = product.port();
        this.http = new Http(product.port());
    }

    @Test
    void healthSaysThatTheEngineIsReadyAndThatThereIsNoModel() {
        JsonNode health = http.get("/health").expect(200).json();

        assertThat(health.path("status").asText()).isEqualTo("healthy");
        assertThat(health.at("/engine/status").asText()).isEqualTo("ready");
        assertThat(health.at("/model/status").asText()).isEqualTo("absent");
    }

    @Test
    void printedTextIsInTheAnswersLogs() {
        Answer answer = http.post("/execute", Map.of("code", "print(6*7)", "language", "python"))
                .expect(200);

        assertThat(Http.stdout(answer)).isEqualTo("42\n");
        assertThat(answer.json().path("executionId").asText()).isNotEmpty();
        assertThat(answer.json().path("duration").isNumber()).isTrue();
        assertThat(answer.json().hasNonNull("error")).isFalse();
    }

    @Test
    void valueOfTheLastExpressionIsTheMainResult() {
        JsonNode result = http.python("[n * n for n in range(4)]").json().at("/result/results/0");

        assertThat(result.path("text").asText()).isEqualTo("[0, 1, 4, 9]");
        assertThat(result.path("is_main_result").asBoolean()).isTrue();
    }

    @Test
    void figureIsAPicture() {
        JsonNode results = http.python("import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.show()")
                .json()
                .at("/result/results");

        assertThat(results)
                .anySatisfy(result -> assertThat(result.path("png").asText()).startsWith("iVBOR"));
    }

    @Test
    void failingProgramIsAnAnswerNotAnError() {
        JsonNode answer = http.post("/execute", Map.of("code", "print('before')\n1/0"))
                .expect(200)
                .json();

        assertThat(answer.at("/result/error/name").asText()).isEqualTo("ZeroDivisionError");
        assertThat(answer.path("error").asText()).contains("ZeroDivisionError");
        assertThat(answer.at("/result/logs/stdout/0").asText()).isEqualTo("before\n");
    }

    @Test
    void otherLanguagesRun() {
        assertThat(Http.stdout(http.post(
                                "/execute",
                                Map.of(
                                        "code",
                                        "console.log([1,2,3].map(x => x * 2).join('-'))",
                                        "language",
                                        "javascript"))
                        .expect(200)))
                .isEqualTo("2-4-6\n");
        assertThat(Http.stdout(
                        http.post("/execute", Map.of("code", "for i in a b; do echo $i; done", "language", "bash"))
                                .expect(200)))
                .isEqualTo("a\nb\n");
        assertThat(Http.stdout(http.post(
                                "/execute", Map.of("code", "print('template name')", "language", "code-interpreter-v1"))
                        .expect(200)))
                .isEqualTo("template name\n");
    }

    @Test
    void sandboxKeepsVariablesAndFilesBetweenExecutions() {
        String sandbox = http.post("/create-sandbox", Map.of())
                .expect(200)
                .json()
                .path("sandboxId")
                .asText();
        try {
            http.python("x = 20\nopen('note.txt', 'w').write('kept')", sandbox);
            Answer second = http.python("print(x + 1, open('note.txt').read())", sandbox);

            assertThat(Http.stdout(second)).isEqualTo("21 kept\n");
            assertThat(second.json().path("sandboxId").asText()).isEqualTo(sandbox);
        } finally {
            http.post("/close-sandbox", Map.of("sandboxId", sandbox)).expect(200);
        }
    }

    @Test
    void withoutASandboxEachExecutionIsFreshAndItsSandboxIsClosed() {
        String first = http.python("y = 1").json().path("sandboxId").asText();
        JsonNode second =
                http.post("/execute", Map.of("code", "print(y)")).expect(200).json();

        assertThat(second.at("/result/error/name").asText()).isEqualTo("NameError");
        http.awaitStatus("/execute", Map.of("code", "1", "sandboxId", first), 404); // closed behind the answer's back
        assertThat(http.get("/active-sandboxes").expect(200).text()).doesNotContain(first);
    }

    @Test
    void sandboxesAreListedAndCleanedUp() {
        String sandbox = http.post("/create-sandbox", Map.of("template", "code-interpreter-v1"))
                .expect(200)
                .json()
                .path("sandboxId")
                .asText();

        JsonNode active = http.get("/active-sandboxes").expect(200).json();
        assertThat(active.path("sandboxes"))
                .anySatisfy(
                        entry -> assertThat(entry.path("sandboxId").asText()).isEqualTo(sandbox));
        assertThat(active.path("count").asInt())
                .isEqualTo(active.path("sandboxes").size());

        assertThat(http.post("/cleanup-all-sandboxes", Map.of())
                        .expect(200)
                        .json()
                        .path("success")
                        .asBoolean())
                .isTrue();
        assertThat(http.get("/active-sandboxes").expect(200).text()).doesNotContain(sandbox);
        http.post("/close-sandbox", Map.of("sandboxId", sandbox)).expect(404);
    }

    @Test
    void analysisFindsTheCodeInAMessage() {
        JsonNode fenced = http.post("/analyze-execution-needs", Map.of("message", "run this\n```python\nprint(1)\n```"))
                .expect(200)
                .json();
        JsonNode thanks = http.post("/analyze-execution-needs", Map.of("message", "thanks!"))
                .expect(200)
                .json();

        assertThat(fenced.path("requiresExecution").asBoolean()).isTrue();
        assertThat(fenced.path("language").asText()).isEqualTo("python");
        assertThat(fenced.path("suggestedLanguage").asText()).isEqualTo("python");
        assertThat(fenced.path("code").asText().strip()).isEqualTo("print(1)");
        assertThat(fenced.path("codeSnippet").asText())
                .isEqualTo(fenced.path("code").asText());
        assertThat(thanks.path("requiresExecution").asBoolean()).isFalse();
        assertThat(thanks.path("language").isNull()).isTrue();
    }

    @Test
    void streamedExecutionAnswersInBothShapesAndCanBeLookedUp() {
        String client = UUID.randomUUID().toString();
        JsonNode accepted = http.post("/execute-stream", Map.of("code", "print('a')\nprint('b')", "clientId", client))
                .expect(202)
                .json();
        String id = accepted.path("executionId").asText();

        assertThat(accepted.path("status").asText()).isEqualTo("streaming");
        assertThat(accepted.path("clientId").asText()).isEqualTo(client);
        assertThat(accepted.path("message").asText()).isNotEmpty();
        assertThat(accepted.path("sandboxId").asText()).isNotEmpty();
        assertThat(accepted.path("e2bWebSocketUrl").asText()).startsWith("ws://");
        JsonNode state = Executions.awaitEnd(http, id);
        assertThat(state.path("status").asText()).isEqualTo("completed");
        assertThat(state.path("clientId").asText()).isEqualTo(client);
        assertThat(state.path("code").asText()).isEqualTo("print('a')\nprint('b')");
        assertThat(state.path("lastSequence").asLong()).isGreaterThan(2);
        assertThat(http.get("/executions/" + id + "/output").expect(200).text()).isEqualTo("a\nb\n");
        http.post("/executions/" + id + "/cancel", Map.of()).expect(200);
    }

    @Test
    void executionThatRunsPastItsTimeoutIsStoppedAndSaysSo() {
        JsonNode answer = untilItHadBegun(timeout ->
                Map.of("code", "import time\nprint('begun', flush=True)\ntime.sleep(600)", "timeout", timeout));

        assertThat(answer.path("error").asText().toLowerCase(java.util.Locale.ROOT))
                .containsAnyOf("timeout", "timed out", "time limit");
        assertThat(answer.at("/result/logs/stdout/0").asText()).isEqualTo("begun\n");
    }

    /** A machine that stands still may not have begun within the first of these. */
    private JsonNode untilItHadBegun(IntFunction<Map<String, ?>> execution) {
        JsonNode answer = JsonNodeFactory.instance.missingNode();
        for (int timeout : new int[] {4000, 20_000, 100_000}) {
            answer = http.post("/execute", execution.apply(timeout)).expect(200).json();
            if (!answer.at("/result/logs/stdout").isEmpty()) {
                return answer;
            }
        }
        return answer;
    }

    @Test
    void clientThatHangsUpStopsItsProgramAndTheSandboxGoesOn() throws IOException {
        String sandbox = http.post("/create-sandbox", Map.of())
                .expect(200)
                .json()
                .path("sandboxId")
                .asText();
        try {
            String body = Http.encode(Map.of(
                    "code",
                    "x = 5\nopen('begun', 'w').close()\nwhile True: pass",
                    "sandboxId",
                    sandbox,
                    "timeout",
                    600_000));
            try (var connection = RawHttp.post(port, "/execute", body)) {
                awaitFile(sandbox, "begun");
                assertThat(connection.getInputStream().available())
                        .as("answered before its end")
                        .isZero();
            }

            assertThat(Http.stdout(http.python("print(x)", sandbox))).isEqualTo("5\n");
        } finally {
            http.post("/close-sandbox", Map.of("sandboxId", sandbox)).expect(200);
        }
    }

    /** Looks from a context of its own, since the Python one is busy. */
    private void awaitFile(String sandbox, String name) {
        Map<String, String> look = Map.of("code", "ls " + name + " || true", "language", "bash", "sandboxId", sandbox);
        for (int attempt = 0; attempt < 200; attempt++) {
            if (!Http.stdout(http.post("/execute", look).expect(200)).isEmpty()) {
                return;
            }
            Product.pause(50);
        }
        throw new AssertionError("the program did not begin");
    }
}
