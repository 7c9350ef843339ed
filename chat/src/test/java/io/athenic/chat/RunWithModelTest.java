package io.athenic.chat;

import static io.athenic.chat.testing.ChatFixture.part;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.chat.llm.ChatModelConfig;
import io.athenic.chat.llm.ModelLimits;
import io.athenic.chat.run.RunLimits;
import io.athenic.chat.testing.ChatFixture;
import io.athenic.chat.testing.FakeModel;
import io.athenic.chat.testing.FakeModel.Answer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The real clients of langchain4j against a server that speaks the providers' streaming formats. */
class RunWithModelTest {

    @TempDir
    Path folder;

    /** For a model that says nothing at all. */
    private static final Duration SHORT = Duration.ofMillis(700);

    /** For one that says something first, on a machine that may stand still for a while. */
    private static final Duration LONGER = Duration.ofSeconds(5);

    private static RunLimits silence(Duration most) {
        ModelLimits model = new ModelLimits(Duration.ofSeconds(30), most, most);
        return new RunLimits(Duration.ofSeconds(60), Duration.ofSeconds(30), 8, 3, model);
    }

    private static List<String> types(JsonNode message) {
        return StreamSupport.stream(message.path("parts").spliterator(), false)
                .map(part -> part.path("type").asText())
                .toList();
    }

    private static String text(JsonNode message) {
        return part(message, "text").path("text").asText();
    }

    private static String notice(JsonNode message) {
        return part(message, "notice").path("text").asText();
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void anAnswerInWordsIsStreamed(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider).says("Paris is ", "the capital", " of France.");
                ChatFixture fixture = ChatFixture.start(folder, model)) {
            JsonNode answer = fixture.ask(fixture.newThread(), "What is the capital of France?");

            assertThat(answer.path("status").asText()).isEqualTo("complete");
            assertThat(text(answer)).isEqualTo("Paris is the capital of France.");
            assertThat(answer.has("data")).isFalse();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void codeThatTheModelWritesIsRunAndItsOutputGoesBackToIt(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider)
                        .tool(
                                "execute_code",
                                "{\"language\":\"python\",\"code\":\"print 5050\"}",
                                "Let me compute that.")
                        .says("The sum is 5050.");
                ChatFixture fixture = ChatFixture.start(folder, model)) {
            JsonNode answer = fixture.ask(fixture.newThread(), "What is the sum of the first 100 numbers?");

            assertThat(types(answer)).containsExactly("text", "execution", "text");
            assertThat(text(answer)).isEqualTo("Let me compute that.");
            assertThat(part(answer, "execution").path("code").asText()).isEqualTo("print 5050");
            assertThat(answer.path("parts").path(2).path("text").asText()).isEqualTo("The sum is 5050.");
            assertThat(answer.path("data").path("requiresE2B").asBoolean()).isTrue();
            assertThat(FakeModel.lastMessage(model.requests().get(1))).contains("5050");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void codeThatTheMessageCarriesIsRunBeforeTheModelIsAsked(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider).says("It greets you.");
                ChatFixture fixture = ChatFixture.start(folder, model)) {
            JsonNode answer = fixture.ask(fixture.newThread(), "```python\nprint hello-there\n```");

            assertThat(types(answer)).containsExactly("execution", "text");
            assertThat(model.requests()).hasSize(1);
            assertThat(FakeModel.lastMessage(model.requests().get(0))).contains("hello-there");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void failingCodeIsMendedAtMostThreeTimes(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider);
                ChatFixture fixture = ChatFixture.start(folder, model)) {
            for (int attempt = 0; attempt < 4; attempt++) {
                model.runs("python", "fail NameError attempt" + attempt);
            }
            model.says("It cannot be done.");

            JsonNode answer = fixture.ask(fixture.newThread(), "Compute 2**64 mod 97");

            assertThat(types(answer))
                    .containsExactly("execution", "execution", "execution", "execution", "notice", "text");
            assertThat(notice(answer)).contains("3 attempts");
            assertThat(answer.path("status").asText()).isEqualTo("complete");
            assertThat(FakeModel.lastMessage(model.requests().get(1))).contains("NameError");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void theNumberOfExecutionsIsBounded(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider);
                ChatFixture fixture = ChatFixture.start(folder, model)) {
            for (int call = 0; call < 9; call++) {
                model.runs("python", "print step" + call);
            }

            JsonNode answer = fixture.ask(fixture.newThread(), "Compute 2**64 mod 97");

            assertThat(types(answer)).filteredOn("execution"::equals).hasSize(8);
            assertThat(answer.path("status").asText()).isEqualTo("failed");
            assertThat(notice(answer)).contains("more code to be run than is allowed");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void aRefusedKeyIsSaidWithoutTheKey(ChatModelConfig.Provider provider) throws Exception {
        Answer refusal = new Answer.Failure(401, "{\"error\":{\"message\":\"bad key sk-secret-key given\"}}");
        try (FakeModel model = FakeModel.start(provider).answers(refusal);
                ChatFixture fixture = ChatFixture.start(folder, model)) {
            JsonNode answer = fixture.ask(fixture.newThread(), "Hello, who are you?");

            assertThat(answer.path("status").asText()).isEqualTo("failed");
            assertThat(notice(answer))
                    .contains("HTTP 401", provider.keyVariable(), "bad key")
                    .doesNotContain("sk-secret-key");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void aFailingProviderIsSaid(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider)
                        .answers(new Answer.Failure(503, "{\"error\":{\"message\":\"overloaded\"}}"));
                ChatFixture fixture = ChatFixture.start(folder, model)) {
            JsonNode answer = fixture.ask(fixture.newThread(), "Hello, who are you?");

            assertThat(answer.path("status").asText()).isEqualTo("failed");
            assertThat(notice(answer)).contains("overloaded", "503");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void aSilentModelIsGivenUp(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider).answers(new Answer.Hang(List.of()));
                ChatFixture fixture = ChatFixture.start(folder, model.config(), silence(SHORT))) {
            JsonNode answer = fixture.ask(fixture.newThread(), "Hello, who are you?");

            assertThat(answer.path("status").asText()).isEqualTo("failed");
            assertThat(notice(answer)).contains("silent");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void whatCameBeforeTheSilenceStays(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider).answers(new Answer.Hang(List.of("The answer ", "is")));
                ChatFixture fixture = ChatFixture.start(folder, model.config(), silence(LONGER))) {
            JsonNode answer = fixture.ask(fixture.newThread(), "Hello, who are you?");

            assertThat(text(answer)).isEqualTo("The answer is");
            assertThat(notice(answer)).contains("silent");
            assertThat(answer.path("status").asText()).isEqualTo("failed");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void aStreamThatIsNoJsonEndsTheRun(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider).answers(new Answer.Garbage());
                ChatFixture fixture = ChatFixture.start(folder, model.config(), silence(LONGER))) {
            JsonNode answer = fixture.ask(fixture.newThread(), "Hello, who are you?");

            assertThat(answer.path("status").asText()).isEqualTo("failed");
            assertThat(notice(answer)).contains("The model");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void anEmptyAnswerIsAFailure(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider).says();
                ChatFixture fixture = ChatFixture.start(folder, model.config(), silence(LONGER))) {
            JsonNode answer = fixture.ask(fixture.newThread(), "Hello, who are you?");

            assertThat(answer.path("status").asText()).isEqualTo("failed");
            assertThat(notice(answer)).isNotBlank();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void aMalformedToolCallIsToldToTheModelOnceAndThenFails(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider)
                        .tool("execute_code", "{\"language\":\"cobol\",\"code\":\"x\"}", "")
                        .tool("launch_missiles", "{}", "");
                ChatFixture fixture = ChatFixture.start(folder, model)) {
            JsonNode answer = fixture.ask(fixture.newThread(), "Compute 2**64 mod 97");

            assertThat(answer.path("status").asText()).isEqualTo("failed");
            assertThat(notice(answer)).contains("cannot be run");
            assertThat(FakeModel.lastMessage(model.requests().get(1))).contains("cobol");
            assertThat(fixture.e2b.sandboxes()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void cancelEndsAModelThatHangs(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider).answers(new Answer.Hang(List.of("Well")));
                ChatFixture fixture = ChatFixture.start(folder, model)) {
            String thread = fixture.newThread();
            String run = fixture.say(thread, "Hello, who are you?");
            fixture.awaitInMessages(thread, "Well");

            fixture.call("POST", "/api/threads/" + thread + "/runs/" + run + "/cancel", null);

            JsonNode answer = fixture.answer(thread);
            assertThat(answer.path("status").asText()).isEqualTo("cancelled");
            assertThat(text(answer)).isEqualTo("Well");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void theConversationSoFarGoesToTheModel(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider)
                        .runs("python", "print first-output")
                        .says("Done first.")
                        .says("Done second.");
                ChatFixture fixture = ChatFixture.start(folder, model)) {
            String thread = fixture.newThread();
            fixture.ask(thread, "Compute 2**64 mod 97");
            JsonNode answer = fixture.ask(thread, "And why is that so?");

            assertThat(text(answer)).isEqualTo("Done second.");
            String sent = model.requests().get(2).toString();
            assertThat(sent)
                    .contains("Compute 2**64 mod 97", "print first-output", "Done first.", "And why is that so?");
        }
    }

    @Test
    void neverIsToldToTheModelAndAToolCallFails() throws Exception {
        try (FakeModel model = FakeModel.start(ChatModelConfig.Provider.OPENAI).runs("python", "print 1");
                ChatFixture fixture = ChatFixture.start(folder, model)) {
            String thread = fixture.newThread();
            String body = ChatFixture.text("Compute 2**64 mod 97")
                    .put("execute", "never")
                    .toString();
            fixture.call("POST", "/api/threads/" + thread + "/messages", body);

            assertThat(fixture.answer(thread).path("status").asText()).isEqualTo("failed");
            assertThat(fixture.e2b.sandboxes()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ChatModelConfig.Provider.class,
            names = {"OPENAI", "ANTHROPIC"})
    void aConnectionThatBreaksOffIsSaid(ChatModelConfig.Provider provider) throws Exception {
        try (FakeModel model = FakeModel.start(provider).answers(new Answer.Cut(List.of("The answer ", "is")));
                ChatFixture fixture = ChatFixture.start(folder, model.config(), silence(LONGER))) {
            JsonNode answer = fixture.ask(fixture.newThread(), "Hello, who are you?");

            assertThat(text(answer)).isEqualTo("The answer is");
            assertThat(answer.path("status").asText()).isEqualTo("failed");
            assertThat(notice(answer)).isNotBlank();
        }
    }

    @Test
    void aServerThatIsNotThereIsSaid() {
        ChatModelConfig nowhere =
                new ChatModelConfig(ChatModelConfig.Provider.OPENAI, "m", "http://127.0.0.1:1/v1", "key");
        try (ChatFixture fixture = ChatFixture.start(folder, nowhere, silence(LONGER))) {
            JsonNode answer = fixture.ask(fixture.newThread(), "Hello, who are you?");

            assertThat(answer.path("status").asText()).isEqualTo("failed");
            assertThat(notice(answer)).contains("cannot be reached", "OPENAI_BASE_URL");
        }
    }
}
