package io.athenic.execution;

import static io.athenic.execution.ServiceFixture.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExecutionRoutesTest {
    @TempDir
    private Path folder;

    private ServiceFixture fixture;
    private HttpClient http;

    @BeforeEach
    void start() {
        fixture = ServiceFixture.start(folder);
        http = HttpClient.newHttpClient();
    }

    @AfterEach
    void stop() {
        http.close();
        fixture.close();
    }

    private record Answer(int status, JsonNode body, HttpResponse<String> response) {}

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + fixture.port() + path));
    }

    private Answer send(HttpRequest request) throws IOException, InterruptedException {
        HttpResponse<String> response = http.send(request, BodyHandlers.ofString());
        String type = response.headers().firstValue("Content-Type").orElse("");
        JsonNode body = type.startsWith("application/json") ? Json.MAPPER.readTree(response.body()) : Json.object();
        return new Answer(response.statusCode(), body, response);
    }

    private Answer post(String path, String body) throws IOException, InterruptedException {
        return send(request(path)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body))
                .build());
    }

    private Answer get(String path) throws IOException, InterruptedException {
        return send(request(path).GET().build());
    }

    private static void assertRefused(Answer answer, ErrorCode code, String text) {
        assertThat(answer.status()).isEqualTo(code.status());
        assertThat(answer.body().path("code").asText()).isEqualTo(code.wire());
        assertThat(answer.body().path("error").asText()).contains(text).doesNotContain("Exception", "\tat ");
    }

    private static String code(String code) {
        return Json.object().put("code", code).toString();
    }

    @Test
    void executeAnswersTheResult() throws Exception {
        Answer answer = post("/execute", code("print 42\nresult {\"text\":\"2\",\"png\":\"AAAA\"}"));

        assertThat(answer.status()).isEqualTo(200);
        JsonNode result = answer.body().path("result");
        assertThat(result.path("logs").path("stdout").get(0).asText()).isEqualTo("42\n");
        assertThat(result.path("logs").path("stderr").isArray()).isTrue();
        assertThat(result.path("results").get(0).path("text").asText()).isEqualTo("2");
        assertThat(result.path("executionCount").asInt()).isEqualTo(1);
        assertThat(answer.body().path("executionId").asText()).isNotEmpty();
        assertThat(answer.body().path("sandboxId").asText()).isNotEmpty();
        assertThat(answer.body().has("error")).isFalse();
        assertThat(answer.body().path("duration").isIntegralNumber()).isTrue();
    }

    @Test
    void aFailingProgramIsAnAnswer() throws Exception {
        Answer answer = post("/execute", code("fail ValueError bad"));

        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.body().path("error").asText()).isEqualTo("ValueError: bad");
        assertThat(answer.body().path("result").path("error").path("name").asText())
                .isEqualTo("ValueError");
    }

    @Test
    void aTimeoutIsSaid() throws Exception {
        Answer answer = post("/execute", "{\"code\":\"sleep\",\"timeout\":100}");

        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.body().path("error").asText()).contains("timeout of 100 ms");
    }

    @Test
    void longOutputIsShortenedAndLinked() throws Exception {
        Answer answer = post("/execute", code("print begin\nflood 200\nprint end"));

        String stdout = "";
        for (JsonNode chunk : answer.body().path("result").path("logs").path("stdout")) {
            stdout += chunk.asText();
        }
        String id = answer.body().path("executionId").asText();
        assertThat(stdout).startsWith("begin\n").endsWith("end\n").contains("/executions/" + id + "/output");
        assertThat(stdout.length()).isLessThan(5 << 20);
        String whole = get("/executions/" + id + "/output").response().body();
        assertThat(whole.length()).isEqualTo(200 * (64 << 10) + "begin\nend\n".length());
        assertThat(whole).startsWith("begin\nxxx").endsWith("x\nend\n");
    }

    @Test
    void aCallerThatGoesAwayCancels() throws Exception {
        HttpRequest request = request("/execute")
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(code("print ready\nsleep")))
                .build();
        CompletableFuture<HttpResponse<String>> answer = http.sendAsync(request, BodyHandlers.ofString());
        await().until(() -> fixture.service().store().running().size() == 1);
        Execution execution = fixture.service().store().running().get(0);
        await().until(() -> execution.status() == ExecutionStatus.RUNNING);

        answer.cancel(true);

        assertThat(execution.await(SOON).status()).isEqualTo(ExecutionStatus.CANCELLED);
        assertThat(execution.outcome(10).message()).contains("nobody waits");
    }

    @Test
    void executeStreamAnswersBothShapes() throws Exception {
        Answer answer = post("/execute-stream", "{\"code\":\"print a\",\"clientId\":\"c1\"}");

        assertThat(answer.status()).isEqualTo(202);
        assertThat(answer.body().path("status").asText()).isEqualTo("streaming");
        assertThat(answer.body().path("clientId").asText()).isEqualTo("c1");
        assertThat(answer.body().path("sandboxId").asText()).isNotEmpty();
        assertThat(answer.body().path("message").asText()).isNotEmpty();
        assertThat(answer.body().path("e2bWebSocketUrl").asText()).isEqualTo("ws://127.0.0.1:4000");
        Execution execution = fixture.service()
                .find(answer.body().path("executionId").asText())
                .orElseThrow();
        assertThat(execution.await(SOON).stdoutText()).isEqualTo("a\n");
    }

    @Test
    void aBusyClientIsAConflict() throws Exception {
        String id = post("/execute-stream", "{\"code\":\"sleep\",\"clientId\":\"c1\"}")
                .body()
                .path("executionId")
                .asText();

        assertRefused(post("/execute-stream", "{\"code\":\"sleep\",\"clientId\":\"c1\"}"), ErrorCode.CONFLICT, id);
        assertThat(post("/executions/" + id + "/cancel", "").status()).isEqualTo(202);
        await().until(() ->
                get("/executions/" + id).body().path("status").asText().equals("cancelled"));
        Answer again = post("/executions/" + id + "/cancel", "{}");
        assertThat(again.status()).isEqualTo(200);
        assertThat(again.body().path("status").asText()).isEqualTo("cancelled");
    }

    @Test
    void anExecutionCanBeLookedAt() throws Exception {
        String id = post("/execute", code("print a")).body().path("executionId").asText();

        JsonNode state = get("/executions/" + id).body();

        assertThat(state.path("status").asText()).isEqualTo("completed");
        assertThat(state.path("language").asText()).isEqualTo("python");
        assertThat(state.path("code").asText()).isEqualTo("print a");
        assertThat(state.path("lastSequence").asLong()).isEqualTo(5);
        assertThat(state.path("endedAt").asText()).isNotEmpty();
        assertThat(state.has("clientId")).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/executions/none", "/executions/none/output"})
    void unknownExecutionsAreNotFound(String path) throws Exception {
        assertRefused(get(path), ErrorCode.NOT_FOUND, "no execution");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    {"code":              | not valid JSON at line 1
                    [1]                   | no object
                    "text"                | no object
                    {"code":"x"} y        | not valid JSON
                    {"code":1,"code":2}   | not valid JSON
                    {}                    | 'code' is missing
                    {"code":null}         | 'code' is missing
                    {"code":5}            | 'code' is 5: a string
                    {"code":["x"]}        | 'code' is an array
                    {"code":" "}          | code is empty
                    {"code":"x","language":"cobol"}   | python, javascript, bash
                    {"code":"x","language":5}         | 'language' is 5
                    {"code":"x","timeout":-1}         | from 1 to 3600000
                    {"code":"x","timeout":0}          | from 1 to 3600000
                    {"code":"x","timeout":1.5}        | from 1 to 3600000
                    {"code":"x","timeout":"5"}        | from 1 to 3600000
                    {"code":"x","timeout":3600001}    | from 1 to 3600000
                    {"code":"x","timeout":1e99}       | from 1 to 3600000
                    {"code":"x","timeout":99999999999999999999999999} | from 1 to 3600000
                    {"code":"x","sandboxId":7}        | 'sandboxId' is 7
                    """)
    void badInputIsRefusedWithWhatToDo(String body, String text) throws Exception {
        assertRefused(post("/execute", body), ErrorCode.INVALID_REQUEST, text);
        if (!body.contains("code\":\"x\"")) {
            return;
        }
        String streamed = body.replaceFirst("}$", ",\"clientId\":\"c\"}");
        assertRefused(post("/execute-stream", streamed), ErrorCode.INVALID_REQUEST, text);
    }

    @Test
    void anEmptyBodyIsRefused() throws Exception {
        assertRefused(post("/execute", ""), ErrorCode.INVALID_REQUEST, "empty");
        assertRefused(post("/execute-stream", code("x")), ErrorCode.INVALID_REQUEST, "'clientId' is missing");
        assertRefused(
                post("/execute-stream", "{\"code\":\"x\",\"clientId\":\"\"}"), ErrorCode.INVALID_REQUEST, "clientId");
        assertRefused(
                post("/execute-stream", "{\"code\":\"x\",\"clientId\":\"c\",\"keepSandbox\":1}"),
                ErrorCode.INVALID_REQUEST,
                "true or false");
    }

    @Test
    void aHugeBodyIsTooLarge() throws Exception {
        Answer answer = post("/execute", code("x".repeat(10 << 20)));

        assertRefused(answer, ErrorCode.TOO_LARGE, "1 MiB");
        assertThat(post("/execute", code("print a")).status()).isEqualTo(200);
    }

    @Test
    void anotherTypeIsUnsupported() throws Exception {
        HttpRequest form = request("/execute")
                .header("Content-Type", "text/plain")
                .POST(BodyPublishers.ofString(code("print a")))
                .build();
        HttpRequest none = request("/execute")
                .POST(BodyPublishers.ofString(code("print a")))
                .build();
        HttpRequest charset = request("/execute")
                .header("Content-Type", "Application/JSON; charset=utf-8")
                .POST(BodyPublishers.ofString(code("print a")))
                .build();

        assertRefused(send(form), ErrorCode.UNSUPPORTED_MEDIA_TYPE, "application/json");
        assertRefused(send(none), ErrorCode.UNSUPPORTED_MEDIA_TYPE, "application/json");
        assertThat(send(charset).status()).isEqualTo(200);
    }

    @Test
    void anotherMethodIsNotAllowed() throws Exception {
        assertRefused(get("/execute"), ErrorCode.METHOD_NOT_ALLOWED, "GET");
        assertRefused(send(request("/health").DELETE().build()), ErrorCode.METHOD_NOT_ALLOWED, "DELETE");
    }

    @Test
    void sandboxesOfTheEndpointsAreMadeListedAndClosed() throws Exception {
        String thread = fixture.service().createSandbox();
        Answer made = post("/create-sandbox", "");
        post("/create-sandbox", "{\"template\":\"base\"}");
        String id = made.body().path("sandboxId").asText();

        assertThat(made.status()).isEqualTo(200);
        assertThat(made.body().path("success").asBoolean()).isTrue();
        post(
                "/execute",
                Json.object().put("code", "set x 1").put("sandboxId", id).toString());
        Answer got = post(
                "/execute",
                Json.object().put("code", "get x").put("sandboxId", id).toString());
        assertThat(got.body().path("result").path("logs").path("stdout").get(0).asText())
                .isEqualTo("1\n");
        assertThat(got.body().path("sandboxId").asText()).isEqualTo(id);
        JsonNode active = get("/active-sandboxes").body();
        assertThat(active.path("count").asInt()).isEqualTo(3);
        assertThat(active.path("sandboxes")).hasSize(3);
        assertThat(active.path("sandboxes").findValuesAsText("sandboxId")).contains(id, thread);

        String body = Json.object().put("sandboxId", id).toString();
        assertThat(post("/close-sandbox", body).body().path("success").asBoolean())
                .isTrue();
        assertRefused(post("/close-sandbox", body), ErrorCode.NOT_FOUND, id);
        assertRefused(post("/close-sandbox", "{}"), ErrorCode.INVALID_REQUEST, "sandboxId");
        Answer cleaned = post("/cleanup-all-sandboxes", "");
        assertThat(cleaned.body().path("count").asInt()).isEqualTo(1);
        assertThat(fixture.service().isAlive(thread)).isTrue();
    }

    @Test
    void anUnknownSandboxIsNotFound() throws Exception {
        String body =
                Json.object().put("code", "print a").put("sandboxId", "i404").toString();

        assertRefused(post("/execute", body), ErrorCode.NOT_FOUND, "i404");
    }

    @Test
    void aSandboxThatDiesIsBadGateway() throws Exception {
        String id = post("/create-sandbox", "").body().path("sandboxId").asText();
        String body = Json.object()
                .put("code", "print ready\nsleep")
                .put("sandboxId", id)
                .toString();
        CompletableFuture<HttpResponse<String>> answer = http.sendAsync(
                request("/execute")
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(body))
                        .build(),
                BodyHandlers.ofString());
        await().until(() -> fixture.service().store().running().stream()
                .anyMatch(e -> e.status() == ExecutionStatus.RUNNING && e.log().lastSequence() >= 3));

        fixture.e2b().die(id);

        assertThat(answer.get().statusCode()).isEqualTo(502);
        assertThat(answer.get().body()).contains("The sandbox died").contains("sandbox_unavailable");
    }

    @Test
    void refusalsOfE2bAreSaid() throws Exception {
        fixture.e2b().failNext(429, "limit of 3");
        Answer full = post("/create-sandbox", "");
        assertRefused(full, ErrorCode.OVERLOADED, "limit of 3");
        assertThat(full.response().headers().firstValue("Retry-After")).isPresent();
        fixture.e2b().failNext(500, "broken");
        assertRefused(post("/create-sandbox", ""), ErrorCode.SANDBOX_UNAVAILABLE, "broken");
    }

    @Test
    void messagesAreAnalyzed() throws Exception {
        Answer yes = post(
                "/analyze-execution-needs",
                "{\"message\":\"run it\",\"history\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
        JsonNode no =
                post("/analyze-execution-needs", "{\"message\":\"thanks\"}").body();

        assertThat(yes.body().path("requiresExecution").asBoolean()).isTrue();
        assertThat(yes.body().path("suggestedLanguage").asText()).isEqualTo("python");
        assertThat(yes.body().path("reason").asText()).isEqualTo("1 turns");
        assertThat(no.path("requiresExecution").asBoolean()).isFalse();
        assertThat(no.get("language").isNull()).isTrue();
        assertRefused(post("/analyze-execution-needs", "{}"), ErrorCode.INVALID_REQUEST, "message");
        assertRefused(
                post("/analyze-execution-needs", "{\"message\":\"x\",\"history\":[1]}"),
                ErrorCode.INVALID_REQUEST,
                "history");
    }

    @Test
    void healthIsServed() throws Exception {
        JsonNode health = get("/health").body();

        assertThat(health.path("status").asText()).isEqualTo("healthy");
        assertThat(health.path("engine").asText()).isEqualTo("fake");
    }

    @Test
    void theOutputOfARunningExecutionIsFollowed() throws Exception {
        String id = post("/execute-stream", "{\"code\":\"print a\\nawait go\\nerr b\",\"clientId\":\"c1\"}")
                .body()
                .path("executionId")
                .asText();
        CompletableFuture<HttpResponse<String>> output =
                http.sendAsync(request("/executions/" + id + "/output").build(), BodyHandlers.ofString());
        await().until(() -> fixture.e2b().sandboxes().size() == 1);

        fixture.e2b().sandboxes().get(0).code().release("go");

        assertThat(output.get().body()).isEqualTo("a\nb\n");
    }
}
