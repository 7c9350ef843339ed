package io.athenic.chat.web;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.chat.Chat;
import io.athenic.chat.testing.ChatFixture;
import io.athenic.chat.testing.ChatFixture.Reply;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class ChatRoutesTest {

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

    private static void assertError(Reply reply, int status, String code) {
        assertThat(reply.status()).isEqualTo(status);
        assertThat(reply.json().path("code").asText()).isEqualTo(code);
        assertThat(reply.json().path("error").asText()).isNotBlank().doesNotContain("Exception", "io.athenic");
    }

    private Reply upload(String thread, String name, byte[] bytes) {
        return fixture.send(HttpRequest.newBuilder(fixture.uri("/api/threads/" + thread + "/files?name=" + name))
                .header("Content-Type", "application/octet-stream")
                .POST(BodyPublishers.ofByteArray(bytes))
                .build());
    }

    @Test
    void threadsAreMadeListedRenamedAndDeleted() {
        Reply made = fixture.call("POST", "/api/threads", "{\"title\":\"Sales\"}");
        assertThat(made.status()).isEqualTo(201);
        String id = made.json().path("id").asText();

        Reply renamed = fixture.call("PATCH", "/api/threads/" + id, "{\"title\":\" Orders \"}");
        assertThat(renamed.status()).isEqualTo(200);
        assertThat(renamed.json().path("title").asText()).isEqualTo("Orders");

        JsonNode listed = fixture.call("GET", "/api/threads", null).json().path("threads");
        assertThat(listed).hasSize(1);
        assertThat(listed.path(0).path("title").asText()).isEqualTo("Orders");

        assertThat(fixture.call("DELETE", "/api/threads/" + id, null).status()).isEqualTo(204);
        assertError(fixture.call("GET", "/api/threads/" + id, null), 404, "not_found");
        assertError(fixture.call("DELETE", "/api/threads/" + id, null), 404, "not_found");
    }

    @Test
    void aNewThreadNeedsNoBodyAndIsNamedAfterItsFirstMessage() {
        Reply made = fixture.call("POST", "/api/threads", null);
        assertThat(made.status()).isEqualTo(201);
        String id = made.json().path("id").asText();

        fixture.ask(id, "hello, how are you today?");

        assertThat(fixture.thread(id).path("title").asText()).isEqualTo("hello, how are you today?");
    }

    @Test
    void deletingAThreadStopsItsRunAndClosesItsSandbox() {
        String thread = fixture.newThread();
        fixture.say(thread, "```python\nsleep\n```");
        fixture.awaitInMessages(thread, "\"type\":\"execution\"");
        assertThat(fixture.thread(thread).path("sandbox").path("state").asText())
                .isEqualTo("running");

        assertThat(fixture.call("DELETE", "/api/threads/" + thread, null).status())
                .isEqualTo(204);

        assertThat(fixture.e2b.sandboxes()).isEmpty();
    }

    @Test
    void badMessagesAreRefusedWithWhatIsWrong() {
        String path = "/api/threads/" + fixture.newThread() + "/messages";
        String long257 = "x".repeat(Chat.MESSAGE_BYTES + 1);

        assertError(fixture.call("POST", path, "{"), 400, "invalid_request");
        assertError(fixture.call("POST", path, "[]"), 400, "invalid_request");
        assertError(fixture.call("POST", path, "{}"), 400, "invalid_request");
        assertError(fixture.call("POST", path, "{\"text\":5}"), 400, "invalid_request");
        assertError(fixture.call("POST", path, "{\"text\":\"  \"}"), 400, "invalid_request");
        assertError(fixture.call("POST", path, ChatFixture.text(long257).toString()), 400, "invalid_request");
        assertError(fixture.call("POST", path, "{\"text\":\"hi\",\"execute\":\"maybe\"}"), 400, "invalid_request");
        assertError(fixture.call("POST", path, "{\"text\":\"hi\",\"files\":\"a.csv\"}"), 400, "invalid_request");
        assertError(fixture.call("POST", path, "{\"text\":\"hi\",\"files\":[1]}"), 400, "invalid_request");
        assertError(fixture.call("POST", path, "{\"text\":\"hi\",\"files\":[\"a.csv\"]}"), 404, "not_found");
        assertError(fixture.call("POST", path, "{\"text\":\"hi\"} trailing"), 400, "invalid_request");
        assertError(fixture.call("POST", path, "{\"a\":".repeat(200) + "1" + "}".repeat(200)), 400, "invalid_request");
        assertError(fixture.call("POST", path, "{\"text\":\"" + "y".repeat(2 << 20) + "\"}"), 413, "too_large");
        assertError(fixture.call("POST", "/api/threads/nope/messages", "{\"text\":\"hi\"}"), 404, "not_found");
        assertThat(fixture.call("GET", "/api/threads", null).status()).isEqualTo(200);
    }

    @Test
    void aBodyOfAnotherTypeIsRefused() {
        HttpRequest request = HttpRequest.newBuilder(fixture.uri("/api/threads"))
                .header("Content-Type", "text/plain")
                .POST(BodyPublishers.ofString("{}"))
                .build();

        assertError(fixture.send(request), 415, "unsupported_media_type");
    }

    @Test
    void badTitlesAreRefused() {
        String path = "/api/threads/" + fixture.newThread();

        assertError(fixture.call("PATCH", path, "{}"), 400, "invalid_request");
        assertError(fixture.call("PATCH", path, "{\"title\":\"\"}"), 400, "invalid_request");
        assertError(fixture.call("PATCH", path, "{\"title\":\"" + "x".repeat(201) + "\"}"), 400, "invalid_request");
        assertError(fixture.call("POST", "/api/threads", "{\"title\":7}"), 400, "invalid_request");
        assertError(fixture.call("PUT", path, "{}"), 405, "method_not_allowed");
    }

    @Test
    void cancellingAnUnknownRunIsRefused() {
        String thread = fixture.newThread();

        assertError(fixture.call("POST", "/api/threads/" + thread + "/runs/nope/cancel", null), 404, "not_found");
    }

    @Test
    void aFileGoesInAndComesOutAsItWas() {
        String thread = fixture.newThread();
        byte[] bytes = new byte[300_000];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 31);
        }

        Reply up = upload(thread, "my%20data.bin", bytes);

        assertThat(up.status()).isEqualTo(201);
        assertThat(up.json().path("path").asText()).isEqualTo("/home/user/my data.bin");
        assertThat(up.json().path("size").asLong()).isEqualTo(bytes.length);
        Reply down = fixture.call("GET", "/api/threads/" + thread + "/files/content?path=my%20data.bin", null);
        assertThat(down.status()).isEqualTo(200);
        assertThat(down.response().body()).isEqualTo(bytes);
        assertThat(down.response().headers().firstValue("Content-Disposition").orElse(""))
                .startsWith("attachment")
                .contains("my%20data.bin");
        assertThat(down.response().headers().firstValue("X-Content-Type-Options"))
                .contains("nosniff");
    }

    @Test
    void theFilesOfTheSandboxAreListed() {
        String thread = fixture.newThread();
        assertThat(fixture.call("GET", "/api/threads/" + thread + "/files", null)
                        .json()
                        .path("entries"))
                .isEmpty();
        upload(thread, "a.csv", "x,y".getBytes(StandardCharsets.UTF_8));

        JsonNode listed =
                fixture.call("GET", "/api/threads/" + thread + "/files", null).json();

        assertThat(listed.path("path").asText()).isEqualTo("/home/user");
        assertThat(listed.path("entries").findValuesAsText("name")).contains("a.csv");
    }

    @Test
    void aMessageNamesTheFilesThatItIsAbout() {
        String thread = fixture.newThread();
        upload(thread, "a.csv", "x,y".getBytes(StandardCharsets.UTF_8));

        Reply sent = fixture.call(
                "POST", "/api/threads/" + thread + "/messages", "{\"text\":\"thanks!\",\"files\":[\"a.csv\"]}");

        assertThat(sent.status()).isEqualTo(202);
        fixture.answer(thread);
        JsonNode file = ChatFixture.part(fixture.thread(thread).path("messages").path(0), "file");
        assertThat(file.path("path").asText()).isEqualTo("/home/user/a.csv");
        assertThat(file.path("size").asLong()).isEqualTo(3);
    }

    @Test
    void badFileRequestsAreRefused() {
        String thread = fixture.newThread();
        String files = "/api/threads/" + thread + "/files";

        assertError(upload(thread, "..%2Fevil", new byte[1]), 400, "invalid_request");
        assertError(upload(thread, "", new byte[1]), 400, "invalid_request");
        assertError(upload("nope", "a.csv", new byte[1]), 404, "not_found");
        assertError(fixture.call("POST", files + "?name=a.csv", "{}"), 415, "unsupported_media_type");
        assertError(fixture.call("GET", files + "/content", null), 400, "invalid_request");
        assertError(fixture.call("GET", files + "/content?path=missing.csv", null), 404, "not_found");
        upload(thread, "a.csv", new byte[1]);
        assertError(fixture.call("GET", files + "/content?path=missing.csv", null), 404, "not_found");
    }

    @Test
    void theStatusTellsOfEngineAndModel() {
        JsonNode status = fixture.call("GET", "/api/status", null).json();

        assertThat(status.path("version").asText()).isEqualTo("1.2.3");
        assertThat(status.path("engine").path("status").asText()).isEqualTo("ready");
        assertThat(status.path("model").path("status").asText()).isEqualTo("absent");
        assertThat(status.path("model").path("detail").asText()).contains("ANTHROPIC_API_KEY");
    }
}
