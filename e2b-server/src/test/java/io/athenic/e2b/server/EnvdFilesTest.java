package io.athenic.e2b.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.Signatures;
import io.athenic.engine.Limits;
import io.athenic.engine.Sandbox;
import io.athenic.engine.SandboxSpec;
import io.athenic.engine.testing.EngineExtension;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class EnvdFilesTest {
    @RegisterExtension
    @Order(1)
    static final EngineExtension ENGINE = new EngineExtension();

    @RegisterExtension
    @Order(2)
    static final TestServer SERVER = new TestServer(ENGINE);

    private static HttpRequest.Builder files(Sandbox sandbox, String query) {
        return SERVER.to(sandbox, E2b.ENVD_PORT, "/files?" + query);
    }

    private static HttpResponse<String> put(Sandbox sandbox, String path, byte[] bytes, String... headers) {
        var request = files(sandbox, "path=" + path)
                .header("Content-Type", "application/octet-stream")
                .POST(BodyPublishers.ofByteArray(bytes));
        for (var i = 0; i < headers.length; i += 2) {
            request.header(headers[i], headers[i + 1]);
        }
        return SERVER.text(request);
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        var packed = new ByteArrayOutputStream();
        try (var out = new GZIPOutputStream(packed)) {
            out.write(bytes);
        }
        return packed.toByteArray();
    }

    @Test
    void rangesConditionsAndLengths() {
        var sandbox = SERVER.sandbox();
        put(sandbox, "a.txt", "0123456789".getBytes(UTF_8));
        put(sandbox, "empty", new byte[0]);

        var whole = SERVER.text(files(sandbox, "path=a.txt"));
        assertThat(whole.body()).isEqualTo("0123456789");
        assertThat(whole.headers().firstValue("Content-Length")).contains("10");
        assertThat(whole.headers().firstValue("Content-Disposition").orElse(""))
                .startsWith("inline; filename=\"a.txt\"");
        assertThat(whole.headers().firstValue("Content-Type")).contains("text/plain");
        assertThat(whole.headers().firstValue("Vary")).contains("Accept-Encoding");
        assertThat(SERVER.text(files(sandbox, "path=empty")).headers().firstValue("Content-Length"))
                .contains("0");

        var range = SERVER.text(files(sandbox, "path=a.txt").header("Range", "bytes=2-4"));
        assertThat(range.statusCode()).isEqualTo(206);
        assertThat(range.body()).isEqualTo("234");
        assertThat(range.headers().firstValue("Content-Range")).contains("bytes 2-4/10");
        assertThat(SERVER.text(files(sandbox, "path=a.txt").header("Range", "bytes=-3"))
                        .body())
                .isEqualTo("789");
        assertThat(SERVER.text(files(sandbox, "path=a.txt").header("Range", "bytes=8-"))
                        .body())
                .isEqualTo("89");
        assertThat(SERVER.text(files(sandbox, "path=a.txt").header("Range", "bytes=10-"))
                        .statusCode())
                .isEqualTo(416);
        assertThat(SERVER.text(files(sandbox, "path=a.txt").header("Range", "lines=1-2"))
                        .statusCode())
                .isEqualTo(200);
        var modified = whole.headers().firstValue("Last-Modified").orElseThrow();
        assertThat(SERVER.text(files(sandbox, "path=a.txt").header("If-Modified-Since", modified))
                        .statusCode())
                .isEqualTo(304);
        var head = SERVER.text(files(sandbox, "path=a.txt").method("HEAD", BodyPublishers.noBody()));
        assertThat(head.headers().firstValue("Content-Length")).contains("10");
    }

    @Test
    void gzipBothWays() throws IOException {
        var sandbox = SERVER.sandbox();
        var text = "many words ".repeat(5000).getBytes(UTF_8);

        assertThat(put(sandbox, "packed", gzip(text), "Content-Encoding", "gzip")
                        .statusCode())
                .isEqualTo(200);
        assertThat(SERVER.bytes(files(sandbox, "path=packed")).body()).isEqualTo(text);
        var packed = SERVER.bytes(files(sandbox, "path=packed").header("Accept-Encoding", "gzip"));
        assertThat(packed.headers().firstValue("Content-Encoding")).contains("gzip");
        assertThat(packed.body().length).isLessThan(text.length / 10);
        try (var in = new GZIPInputStream(new ByteArrayInputStream(packed.body()))) {
            assertThat(in.readAllBytes()).isEqualTo(text);
        }
        assertThat(SERVER.text(files(sandbox, "path=packed").header("Accept-Encoding", "identity;q=0, br"))
                        .statusCode())
                .isEqualTo(406);
        assertThat(put(sandbox, "bad", "not gzip".getBytes(UTF_8), "Content-Encoding", "gzip")
                        .statusCode())
                .isEqualTo(400);
        assertThat(put(sandbox, "bad", text, "Content-Encoding", "br").statusCode())
                .isEqualTo(415);
    }

    @Test
    void anUnpackedBodyIsBounded() throws IOException {
        var sandbox = SERVER.sandbox();
        var bomb = gzip(new byte[101 << 20]);

        var answer = put(sandbox, "bomb", bomb, "Content-Encoding", "gzip");

        assertThat(answer.statusCode()).isEqualTo(507);
    }

    @Test
    void aFullDiskIs507AndTheSandboxLivesOn() {
        var limits = new Limits(256 << 20, 1000, 64, 32 << 20, 5000);
        var sandbox = ENGINE.engine()
                .create(new SandboxSpec("base", Duration.ofMinutes(5), Map.of(), Map.of(), true, true, limits));

        var answer = put(sandbox, "large", new byte[60 << 20]);

        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(507);
        assertThat(SERVER.text(SERVER.to(sandbox, E2b.ENVD_PORT, "/health")).statusCode())
                .isEqualTo(204);
    }

    @Test
    void multipartKeepsDirectoriesAndOrder() {
        var sandbox = SERVER.sandbox();
        var content = new byte[300_000];
        new Random(7).nextBytes(content);
        var body = new ByteArrayOutputStream();
        part(body, "file", "dir/sub/one.bin", content);
        part(body, "comment", "", "ignored".getBytes(UTF_8));
        part(body, "file", "/tmp/zwei \\\"ü\\\".txt", "two\r\n--".getBytes(UTF_8));
        body.writeBytes("--BOUND--\r\n".getBytes(UTF_8));

        var answer = multipart(sandbox, "", body.toByteArray());

        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        var written = Json.read(answer.body(), JsonNode.class);
        assertThat(written.get(0).path("path").asText()).isEqualTo("/home/user/dir/sub/one.bin");
        assertThat(written.get(0).path("type").asText()).isEqualTo("file");
        assertThat(written.get(1).path("name").asText()).isEqualTo("zwei \"ü\".txt");
        assertThat(SERVER.bytes(files(sandbox, "path=dir/sub/one.bin")).body()).isEqualTo(content);
        var name = URLEncoder.encode("/tmp/zwei \"ü\".txt", UTF_8);
        assertThat(SERVER.text(files(sandbox, "path=" + name)).body()).isEqualTo("two\r\n--");

        var twice = new ByteArrayOutputStream();
        part(twice, "file", "same", content);
        part(twice, "file", "same", content);
        twice.writeBytes("--BOUND--\r\n".getBytes(UTF_8));
        assertThat(multipart(sandbox, "", twice.toByteArray()).statusCode()).isEqualTo(400);
        assertThat(multipart(
                                sandbox,
                                "",
                                "--BOUND\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\ncut"
                                        .getBytes(UTF_8))
                        .statusCode())
                .isEqualTo(400);
        assertThat(multipart(sandbox, "", "nothing".getBytes(UTF_8)).statusCode())
                .isEqualTo(400);
    }

    private static void part(ByteArrayOutputStream body, String name, String file, byte[] content) {
        var names = "name=\"" + name + "\"" + (file.isEmpty() ? "" : "; filename=\"" + file + "\"");
        body.writeBytes(("--BOUND\r\nContent-Disposition: form-data; " + names
                        + "\r\nContent-Type: application/octet-stream\r\n\r\n")
                .getBytes(UTF_8));
        body.writeBytes(content);
        body.writeBytes("\r\n".getBytes(UTF_8));
    }

    private static HttpResponse<String> multipart(Sandbox sandbox, String query, byte[] body) {
        return SERVER.text(files(sandbox, query)
                .header("Content-Type", "multipart/form-data; boundary=BOUND")
                .POST(BodyPublishers.ofByteArray(body)));
    }

    @Test
    void metadataIsKeptReplacedAndChecked() {
        var sandbox = SERVER.sandbox();

        var written = put(sandbox, "m", new byte[1], "X-Metadata-Author", "me", "X-Metadata-b", "2");
        assertThat(Json.read(written.body(), JsonNode.class)
                        .get(0)
                        .path("metadata")
                        .toString())
                .contains("\"author\":\"me\"", "\"b\":\"2\"");
        var stat = rpc(sandbox, "filesystem.Filesystem/Stat", "{\"path\":\"m\"}");
        assertThat(Json.read(stat.body(), JsonNode.class)
                        .path("entry")
                        .path("metadata")
                        .path("author")
                        .asText())
                .isEqualTo("me");
        put(sandbox, "m", new byte[1]);
        assertThat(Json.read(
                                rpc(sandbox, "filesystem.Filesystem/Stat", "{\"path\":\"m\"}")
                                        .body(),
                                JsonNode.class)
                        .path("entry")
                        .has("metadata"))
                .isFalse();
        assertThat(put(sandbox, "m", new byte[1], "X-Metadata-long", "v".repeat(4096))
                        .statusCode())
                .isEqualTo(400);
    }

    private static HttpResponse<String> rpc(Sandbox sandbox, String method, String body) {
        return SERVER.text(SERVER.to(sandbox, E2b.ENVD_PORT, "/" + method)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body)));
    }

    @Test
    void failuresAreTheOnesOfEnvd() {
        var sandbox = SERVER.sandbox();

        var missing = SERVER.text(files(sandbox, "path=missing"));
        assertThat(missing.statusCode()).isEqualTo(404);
        assertThat(missing.body()).contains("does not exist").contains("\"code\":404");
        assertThat(SERVER.text(files(sandbox, "path=/tmp")).statusCode()).isEqualTo(400);
        assertThat(SERVER.text(files(sandbox, "path=a&username=nobody-here")).statusCode())
                .isEqualTo(401);
        assertThat(SERVER.text(files(sandbox, "path=~root/x")).statusCode()).isEqualTo(400);
        assertThat(SERVER.text(files(sandbox, "path=a")
                                .POST(BodyPublishers.ofString("x"))
                                .header("Content-Type", "text/plain"))
                        .statusCode())
                .isEqualTo(400);
        assertThat(SERVER.text(files(sandbox, "")
                                .POST(BodyPublishers.ofString("x"))
                                .header("Content-Type", "application/octet-stream"))
                        .statusCode())
                .isEqualTo(400);
        var dir = rpc(sandbox, "filesystem.Filesystem/MakeDir", "{\"path\":\"/tmp\"}");
        assertThat(dir.statusCode()).isEqualTo(409);
        assertThat(dir.body()).contains("\"code\":\"already_exists\"");
        assertThat(rpc(sandbox, "filesystem.Filesystem/Nothing", "{}").statusCode())
                .isEqualTo(501);
        assertThat(rpc(sandbox, "filesystem.Filesystem/Stat", "{").body()).contains("invalid_argument");
        assertThat(SERVER.text(SERVER.to(sandbox, E2b.ENVD_PORT, "/init").POST(BodyPublishers.ofString("{}")))
                        .statusCode())
                .isEqualTo(403);
    }

    @Test
    void tokensAndSignaturesGuardASecureSandbox() {
        var sandbox = SERVER.sandbox();
        var other = SERVER.sandbox();
        put(sandbox, "s", "secret".getBytes(UTF_8));
        var token = sandbox.accessToken().orElseThrow();
        var bare = new String[] {E2b.HEADER_SANDBOX_ID, sandbox.id(), E2b.HEADER_SANDBOX_PORT, "49983"};

        assertThat(SERVER.text(SERVER.request("/health", bare)).statusCode()).isEqualTo(204);
        assertThat(SERVER.text(SERVER.request("/files?path=s", bare)).body()).contains("missing signature");
        assertThat(SERVER.text(SERVER.request("/envs", bare)).statusCode()).isEqualTo(401);
        assertThat(SERVER.text(SERVER.request("/files?path=s", bare)
                                .header(
                                        E2b.HEADER_ACCESS_TOKEN,
                                        other.accessToken().orElseThrow()))
                        .statusCode())
                .isEqualTo(401);

        var good = signed("s", token, null, Signatures.Operation.READ);
        assertThat(SERVER.text(SERVER.request(good)).body()).isEqualTo("secret");
        assertThat(SERVER.text(SERVER.request(good, bare)).body()).isEqualTo("secret");
        var write = signed("s", token, null, Signatures.Operation.WRITE);
        assertThat(SERVER.text(SERVER.request(write)).statusCode()).isEqualTo(401);
        assertThat(SERVER.text(SERVER.request(good.replace("path=s", "path=/etc/shadow")))
                        .statusCode())
                .isEqualTo(401);
        var expired = SERVER.text(SERVER.request(signed("s", token, 1000L, Signatures.Operation.READ)));
        assertThat(expired.statusCode()).isEqualTo(401);
        assertThat(expired.body()).contains("signature is already expired");
    }

    private static String signed(
            String path, String token, @org.jspecify.annotations.Nullable Long expiry, Signatures.Operation operation) {
        var signature = Signatures.sign(path, operation, "", token, expiry);
        return "/files?path=" + path + "&signature=" + URLEncoder.encode(signature, UTF_8)
                + (expiry == null ? "" : "&signature_expiration=" + expiry);
    }

    @Test
    void pagesOfAnyOriginMayUseEnvd() {
        var sandbox = SERVER.sandbox();

        var preflight = SERVER.text(SERVER.request(
                        "/files",
                        E2b.HEADER_SANDBOX_ID,
                        sandbox.id(),
                        "Origin",
                        "https://app.example",
                        "Access-Control-Request-Method",
                        "GET",
                        "Access-Control-Request-Headers",
                        "x-access-token")
                .method("OPTIONS", BodyPublishers.noBody()));

        assertThat(preflight.statusCode()).isEqualTo(204);
        assertThat(preflight.headers().firstValue("Access-Control-Allow-Origin"))
                .contains("*");
        assertThat(preflight.headers().firstValue("Access-Control-Allow-Headers"))
                .contains("x-access-token");
        assertThat(SERVER.text(files(sandbox, "path=x")).headers().firstValue("Access-Control-Allow-Origin"))
                .contains("*");
    }

    @Test
    void watchersThatAreAskedForTheirEvents() {
        var sandbox = SERVER.sandbox();
        rpc(sandbox, "filesystem.Filesystem/MakeDir", "{\"path\":\"w\"}");

        var id = Json.read(
                        rpc(sandbox, "filesystem.Filesystem/CreateWatcher", "{\"path\":\"w\"}")
                                .body(),
                        JsonNode.class)
                .path("watcherId")
                .asText();
        put(sandbox, "w/new", new byte[1]);

        var seen = new StringBuilder();
        org.awaitility.Awaitility.await().until(() -> {
            seen.append(rpc(sandbox, "filesystem.Filesystem/GetWatcherEvents", "{\"watcherId\":\"" + id + "\"}")
                    .body());
            return seen.toString().contains("EVENT_TYPE_CREATE")
                    && seen.toString().contains("\"new\"");
        });
        assertThat(rpc(sandbox, "filesystem.Filesystem/RemoveWatcher", "{\"watcher_id\":\"" + id + "\"}")
                        .statusCode())
                .isEqualTo(200);
        assertThat(rpc(sandbox, "filesystem.Filesystem/GetWatcherEvents", "{\"watcherId\":\"" + id + "\"}")
                        .statusCode())
                .isEqualTo(404);
    }
}
