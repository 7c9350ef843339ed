package io.athenic.chat;

import static io.athenic.chat.testing.ChatFixture.part;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.chat.testing.ChatFixture;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunWithoutModelTest {

    @TempDir
    Path folder;

    private ChatFixture fixture;

    @BeforeEach
    void start() {
        fixture = ChatFixture.start(folder);
    }

    @AfterEach
    void stop() {
        fixture.close();
    }

    private static String python(String code) {
        return "```python\n" + code + "\n```";
    }

    @Test
    void codeThatTheMessageCarriesIsRunAndItsOutputAnswered() {
        String thread = fixture.newThread();

        JsonNode answer = fixture.ask(thread, python("print hello"));

        assertThat(answer.path("status").asText()).isEqualTo("complete");
        JsonNode execution = part(answer, "execution");
        assertThat(execution.path("status").asText()).isEqualTo("completed");
        assertThat(execution.path("language").asText()).isEqualTo("python");
        assertThat(execution.path("code").asText()).isEqualTo("print hello");
        assertThat(execution.path("reason").asText()).isNotBlank();
        assertThat(execution.path("summary").asText()).startsWith("Ran in ");
        assertThat(part(answer, "text").path("text").asText()).contains("hello");
    }

    @Test
    void theAnswersDataLetsAClientOpenTheSplitScreen() {
        String thread = fixture.newThread();

        JsonNode answer = fixture.ask(thread, python("print hello"));

        JsonNode data = answer.path("data");
        assertThat(data.path("requiresE2B").asBoolean()).isTrue();
        assertThat(data.path("e2bWebSocketUrl").asText()).isEqualTo("ws://127.0.0.1:4000");
        assertThat(data.path("clientId").asText()).startsWith("session_");
        assertThat(data.path("executionId").asText())
                .isEqualTo(part(answer, "execution").path("executionId").asText());
        assertThat(data.path("initialStatus").asText()).isNotBlank();
    }

    @Test
    void theNextMessageFindsTheVariablesOfTheLast() {
        String thread = fixture.newThread();
        fixture.ask(thread, python("set x 42"));

        JsonNode answer = fixture.ask(thread, python("get x"));

        assertThat(part(answer, "text").path("text").asText()).contains("42");
        assertThat(fixture.e2b.sandboxes()).hasSize(1);
    }

    @Test
    void twoThreadsShareNothing() {
        fixture.ask(fixture.newThread(), python("set x 42"));

        JsonNode answer = fixture.ask(fixture.newThread(), python("get x"));

        assertThat(part(answer, "execution").path("status").asText()).isEqualTo("error");
        assertThat(fixture.e2b.sandboxes()).hasSize(2);
    }

    @Test
    void failingCodeIsAnAnswerThatNamesTheError() {
        JsonNode answer = fixture.ask(fixture.newThread(), python("fail ZeroDivisionError division_by_zero"));

        assertThat(answer.path("status").asText()).isEqualTo("complete");
        assertThat(part(answer, "execution").path("status").asText()).isEqualTo("error");
        assertThat(part(answer, "text").path("text").asText()).contains("ZeroDivisionError");
    }

    @Test
    void aSandboxThatIsGoneIsReplacedAndTheLossIsSaid() {
        String thread = fixture.newThread();
        fixture.ask(thread, python("set x 42"));
        fixture.e2b.die(fixture.e2b.sandboxes().getFirst().id());

        JsonNode answer = fixture.ask(thread, python("print again"));

        assertThat(part(answer, "notice").path("level").asText()).isEqualTo("warning");
        assertThat(part(answer, "notice").path("text").asText()).contains("gone");
        assertThat(part(answer, "text").path("text").asText()).contains("again");
    }

    @Test
    void noSandboxToBeHadFailsWithTheReason() {
        fixture.e2b.failNext(429, "too many sandboxes");

        JsonNode answer = fixture.ask(fixture.newThread(), python("print hello"));

        assertThat(answer.path("status").asText()).isEqualTo("failed");
        assertThat(part(answer, "notice").path("level").asText()).isEqualTo("error");
        assertThat(part(answer, "notice").path("text").asText()).contains("No sandbox is free");
    }

    @Test
    void aSandboxThatDiesWhileCodeRunsEndsTheRun() {
        String thread = fixture.newThread();
        fixture.say(thread, python("print started\nsleep"));
        fixture.awaitInMessages(thread, "\"status\":\"running\"");
        fixture.awaitInMessages(thread, "execution");

        fixture.e2b.die(fixture.e2b.sandboxes().getFirst().id());

        JsonNode answer = fixture.answer(thread);
        assertThat(part(answer, "execution").path("status").asText()).isEqualTo("error");
    }

    @Test
    void smallTalkRunsNothingAndSaysWhatAModelIsNeededFor() {
        JsonNode answer = fixture.ask(fixture.newThread(), "thanks!");

        assertThat(answer.path("status").asText()).isEqualTo("complete");
        assertThat(answer.has("data")).isFalse();
        assertThat(part(answer, "text").path("text").asText()).contains("ANTHROPIC_API_KEY");
        assertThat(fixture.e2b.sandboxes()).isEmpty();
    }

    @Test
    void codeThatWouldHaveToBeWrittenFailsWithWhatToDo() {
        JsonNode answer = fixture.ask(fixture.newThread(), "Plot y = sin(x) from 0 to 10");

        assertThat(answer.path("status").asText()).isEqualTo("failed");
        assertThat(part(answer, "notice").path("text").asText())
                .contains("no language model is configured", "OPENAI_API_KEY");
    }

    @Test
    void aLanguageThatIsNotThereIsNamedTogetherWithThoseThatAre() {
        JsonNode answer = fixture.ask(fixture.newThread(), "```r\nx <- c(1,2)\n```");

        assertThat(answer.path("status").asText()).isEqualTo("failed");
        assertThat(part(answer, "notice").path("text").asText()).contains("python, javascript, bash");
    }

    @Test
    void cancelStopsTheCode() {
        String thread = fixture.newThread();
        String run = fixture.say(thread, python("sleep"));
        fixture.awaitInMessages(thread, "\"type\":\"execution\"");

        assertThat(fixture.call("POST", "/api/threads/" + thread + "/runs/" + run + "/cancel", null)
                        .status())
                .isEqualTo(202);

        JsonNode answer = fixture.answer(thread);
        assertThat(answer.path("status").asText()).isEqualTo("cancelled");
        assertThat(part(answer, "execution").path("status").asText()).isEqualTo("cancelled");
        assertThat(fixture.call("POST", "/api/threads/" + thread + "/runs/" + run + "/cancel", null)
                        .status())
                .isEqualTo(202);
    }

    @Test
    void neverRunsNothing() {
        String thread = fixture.newThread();
        String body =
                ChatFixture.text(python("print hello")).put("execute", "never").toString();

        fixture.call("POST", "/api/threads/" + thread + "/messages", body);

        assertThat(fixture.answer(thread).has("data")).isFalse();
        assertThat(fixture.e2b.sandboxes()).isEmpty();
    }

    @Test
    void alwaysRunsWhatWouldOnlyBeExplained() {
        String thread = fixture.newThread();
        String body = ChatFixture.text("Explain this:\n" + python("print hello"))
                .put("execute", "always")
                .toString();

        fixture.call("POST", "/api/threads/" + thread + "/messages", body);

        assertThat(part(fixture.answer(thread), "execution").path("status").asText())
                .isEqualTo("completed");
    }

    @Test
    void aMessageThatArrivesDuringARunIsRefused() {
        String thread = fixture.newThread();
        String run = fixture.say(thread, python("sleep"));

        ChatFixture.Reply second = fixture.call(
                "POST",
                "/api/threads/" + thread + "/messages",
                ChatFixture.text("hello").toString());

        assertThat(second.status()).isEqualTo(409);
        assertThat(second.json().path("code").asText()).isEqualTo("conflict");
        fixture.call("POST", "/api/threads/" + thread + "/runs/" + run + "/cancel", null);
        fixture.answer(thread);
    }

    @Test
    void theSameCodeCanBeRunAgainByWords() {
        String thread = fixture.newThread();
        fixture.ask(thread, python("print hello"));
        fixture.ask(thread, "thanks!");

        JsonNode answer = fixture.ask(thread, "run it again");

        assertThat(part(answer, "execution").path("code").asText()).isEqualTo("print hello");
        assertThat(part(answer, "execution").path("status").asText()).isEqualTo("completed");
    }

    @Test
    void theEndOfTheServerIsToldToTheOneWhoWaits() {
        String thread = fixture.newThread();
        fixture.say(thread, python("sleep"));
        fixture.awaitInMessages(thread, "\"type\":\"execution\"");

        fixture.chat().close();

        try (ChatFixture next = ChatFixture.start(folder)) {
            JsonNode answer = next.answer(thread);
            assertThat(answer.path("status").asText()).isEqualTo("cancelled");
            assertThat(part(answer, "notice").path("text").asText()).contains("The server was stopped");
        }
    }

    @Test
    void aHistoryCanBeReadWhileSandboxesCannotBeAsked() {
        String thread = fixture.newThread();
        fixture.ask(thread, python("print hello"));
        fixture.e2b.failNext(503, "down");

        JsonNode read = fixture.thread(thread);

        assertThat(read.path("sandbox").path("state").asText()).isEqualTo("unknown");
        assertThat(read.path("messages")).hasSize(2);
    }
}
