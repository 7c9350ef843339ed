package io.athenic.e2b.protocol;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.athenic.e2b.protocol.ProcessApi.SendSignalRequest;
import io.athenic.e2b.protocol.ProcessApi.StartRequest;
import io.athenic.e2b.protocol.ProcessApi.StreamInputRequest;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CodecTest {
    private static String json(Object value) {
        return new String(Json.write(value), UTF_8);
    }

    @Test
    void newSandboxReadsWhatTheSdkSends() {
        var request = Json.read(
                "{\"templateID\":\"code-interpreter-v1\",\"timeout\":300,\"secure\":true,\"allow_internet_access\":true,\"later\":1}",
                NewSandbox.class);

        assertThat(request.templateId()).isEqualTo("code-interpreter-v1");
        assertThat(request.timeout()).isEqualTo(300);
        assertThat(request.secure()).isTrue();
        assertThat(request.metadata()).isNull();
        assertThat(json(request))
                .contains("\"templateID\"", "\"allow_internet_access\":true")
                .doesNotContain("null");
    }

    @Test
    void processEventsAreFlatOneofs() {
        assertThat(json(new ProcessEvent.Message(new ProcessEvent.Started(12))))
                .isEqualTo("{\"event\":{\"start\":{\"pid\":12}}}");
        assertThat(json(new ProcessEvent.Message(new ProcessEvent.Stdout("hi".getBytes(UTF_8)))))
                .isEqualTo("{\"event\":{\"data\":{\"stdout\":\"aGk=\"}}}");
        assertThat(json(new ProcessEvent.Message(new ProcessEvent.KeepAlive())))
                .isEqualTo("{\"event\":{\"keepalive\":{}}}");
        assertThat(json(new ProcessEvent.Message(new ProcessEvent.Ended(0, true, "exit status 0", null))))
                .isEqualTo("{\"event\":{\"end\":{\"exitCode\":0,\"exited\":true,\"status\":\"exit status 0\"}}}");
    }

    @Test
    void processEventsReadBackWithDefaultsAndSnakeCase() {
        assertThat(Json.read(
                                "{\"event\":{\"end\":{\"exit_code\":-1,\"status\":\"signal: killed\"}}}",
                                ProcessEvent.Message.class)
                        .event())
                .isEqualTo(new ProcessEvent.Ended(-1, false, "signal: killed", null));
        assertThat(Json.read(
                                "{\"event\":{\"end\":{\"exited\":true,\"status\":\"exit status 0\"}}}",
                                ProcessEvent.Message.class)
                        .event())
                .isEqualTo(new ProcessEvent.Ended(0, true, "exit status 0", null));
        assertThat(Json.read("{\"event\":{\"data\":{\"stderr\":\"aGk=\"}}}", ProcessEvent.Message.class)
                        .event())
                .isInstanceOfSatisfying(
                        ProcessEvent.Stderr.class, e -> assertThat(e.data()).isEqualTo("hi".getBytes(UTF_8)));
        assertThat(Json.read("{\"event\":{\"keepalive\":{}}}", ProcessEvent.Message.class)
                        .event())
                .isEqualTo(new ProcessEvent.KeepAlive());
        assertThat(Json.read("{\"event\":{\"start\":{\"pid\":3}}}", ProcessEvent.Message.class)
                        .event())
                .isEqualTo(new ProcessEvent.Started(3));
    }

    @Test
    void startRequestKeepsAbsenceOfStdin() {
        var request = Json.read("{\"process\":{\"cmd\":\"/bin/bash\",\"args\":[\"-l\"]}}", StartRequest.class);

        var process = request.process();
        assertThat(process).isNotNull();
        assertThat(process == null ? List.of() : process.args()).isEqualTo(List.of("-l"));
        assertThat(request.stdin()).isNull();
    }

    @Test
    void selectorsAndSignals() {
        var request = Json.read("{\"process\":{\"pid\":7},\"signal\":\"SIGNAL_SIGKILL\"}", SendSignalRequest.class);
        assertThat(request.process()).isEqualTo(new ProcessSelector.Pid(7));
        assertThat(request.signal()).isEqualTo(Signal.SIGKILL);
        assertThat(Json.read("{\"process\":{\"tag\":\"a\"},\"signal\":15}", SendSignalRequest.class))
                .isEqualTo(new SendSignalRequest(new ProcessSelector.Tag("a"), Signal.SIGTERM));
        assertThat(json(request)).isEqualTo("{\"process\":{\"pid\":7},\"signal\":\"SIGNAL_SIGKILL\"}");

        assertThatThrownBy(() -> Json.read("{\"process\":{}}", SendSignalRequest.class))
                .isInstanceOf(JsonException.class)
                .hasMessageContaining("either pid or tag");
    }

    @Test
    void streamInputMessages() {
        var start = Json.read("{\"start\":{\"process\":{\"pid\":7}}}", StreamInputRequest.class)
                .start();
        assertThat(start).isEqualTo(new ProcessApi.SelectRequest(new ProcessSelector.Pid(7)));
        var data = Json.read("{\"data\":{\"input\":{\"pty\":\"aGk=\"}}}", StreamInputRequest.class)
                .data();
        assertThat(data).isNotNull();
    }

    @Test
    void entriesFollowProtobufsJson() {
        var entry = new EntryInfo(
                "a",
                FileType.FILE,
                "/a",
                5,
                420,
                "-rw-r--r--",
                "user",
                "user",
                Instant.parse("2026-01-02T03:04:05Z"),
                null,
                Map.of("k", "v"));

        assertThat(json(entry))
                .isEqualTo("{\"name\":\"a\",\"type\":\"FILE_TYPE_FILE\",\"path\":\"/a\",\"size\":\"5\",\"mode\":420,"
                        + "\"permissions\":\"-rw-r--r--\",\"owner\":\"user\",\"group\":\"user\",\"modifiedTime\":\"2026-01-02T03:04:05Z\","
                        + "\"metadata\":{\"k\":\"v\"}}");
        assertThat(Json.read(json(entry), EntryInfo.class)).isEqualTo(entry);
        assertThat(Json.read("{\"name\":\"x\",\"type\":2}", EntryInfo.class).type())
                .isEqualTo(FileType.DIRECTORY);
    }

    @Test
    void watchRequestAcceptsBothSpellings() {
        assertThat(Json.read("{\"path\":\"/a\",\"includeEntry\":true}", FilesystemApi.WatchRequest.class))
                .isEqualTo(new FilesystemApi.WatchRequest("/a", false, true, false));
        assertThat(Json.read("{\"path\":\"/a\",\"include_entry\":true}", FilesystemApi.WatchRequest.class))
                .isEqualTo(new FilesystemApi.WatchRequest("/a", false, true, false));
        assertThat(json(FilesystemApi.WatchDirResponse.START)).isEqualTo("{\"start\":{}}");
    }

    @Test
    void codeEventsRoundTrip() {
        var formats = Json.object().put("text", "2");
        formats.putObject("extra");
        for (var event : List.of(
                new CodeEvent.Accepted(3),
                new CodeEvent.Stdout("é\n", Instant.parse("2026-01-02T03:04:05Z")),
                new CodeEvent.Stderr("x", null),
                new CodeEvent.Result(true, formats),
                new CodeEvent.Failed("NameError", "name 'x' is not defined", "trace"),
                new CodeEvent.KeepAlive(),
                new CodeEvent.Ended())) {
            var line = new String(event.line(), UTF_8);

            assertThat(line).endsWith("}\n");
            assertThat(CodeEvent.parse(line)).isEqualTo(event);
        }
        assertThat(CodeEvent.parse("{\"type\":\"later\"}")).isEqualTo(new CodeEvent.Unknown("later"));
    }

    @Test
    void hostileJsonIsRefusedWithoutEcho() {
        assertThatThrownBy(() -> Json.read("[".repeat(100_000), NewSandbox.class))
                .isInstanceOf(JsonException.class);
        assertThatThrownBy(() -> Json.read("{\"timeout\":\"many\"}", NewSandbox.class))
                .isInstanceOf(JsonException.class)
                .hasMessageNotContaining("java.lang");
        assertThatThrownBy(() -> Json.read("{} {}", NewSandbox.class)).isInstanceOf(JsonException.class);
        assertThatThrownBy(() -> Json.read("null", NewSandbox.class)).isInstanceOf(JsonException.class);
        assertThatThrownBy(() -> Json.readObject("[]".getBytes(UTF_8))).isInstanceOf(JsonException.class);
    }
}
