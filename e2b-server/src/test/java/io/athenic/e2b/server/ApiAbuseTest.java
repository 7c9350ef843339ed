package io.athenic.e2b.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.e2b.protocol.ConnectFrame;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import io.athenic.engine.Sandbox;
import io.athenic.engine.SandboxSpec;
import io.athenic.engine.testing.EngineExtension;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Hundreds of requests that nobody means well: each is refused with a 4xx (or answered as documented), in words that tell nothing of our insides, and the
 * sandbox and the server go on.
 */
class ApiAbuseTest {
    @RegisterExtension
    @Order(1)
    static final EngineExtension ENGINE = new EngineExtension();

    @RegisterExtension
    @Order(2)
    static final TestServer SERVER = new TestServer(ENGINE);

    private static final String T = "\"templateID\":\"base\"";
    private static final String DEEP = "[".repeat(10_000);

    private final SoftAssertions softly = new SoftAssertions();
    private Sandbox sandbox;
    private Sandbox other;

    @BeforeEach
    void make() {
        sandbox = SERVER.sandbox();
        other = SERVER.sandbox();
    }

    @AfterEach
    void everythingGoesOn() {
        softly.assertAll();
        assertThat(SERVER.text(SERVER.request("/health")).statusCode()).isEqualTo(204);
        for (var each : List.of(sandbox, other)) {
            assertThat(code(each, "{\"code\":\"6*7\"}").body()).contains("\"text\":\"42\"");
        }
    }

    /** Refused, with a status of the client's fault, and nothing of our insides. */
    private void refused(String what, HttpResponse<String> answer, Integer... statuses) {
        var name = what.length() > 100 ? what.substring(0, 100) : what;
        if (statuses.length > 0) {
            softly.assertThat(answer.statusCode()).as(name).isIn((Object[]) statuses);
        } else {
            softly.assertThat(answer.statusCode())
                    .as(name + ": " + shortened(answer))
                    .isBetween(400, 499);
        }
        discreet(name, answer);
    }

    private void discreet(String name, HttpResponse<String> answer) {
        softly.assertThat(answer.body())
                .as(name)
                .doesNotContain(
                        "\tat ", "io.athenic", "java.", "io.vertx", "Exception:", "/run/athenic", "\"internal\"");
    }

    private static String shortened(HttpResponse<String> answer) {
        return answer.body().length() > 200 ? answer.body().substring(0, 200) : answer.body();
    }

    private static HttpResponse<String> code(Sandbox sandbox, String body) {
        return json(sandbox, E2b.CODE_PORT, "/execute", body);
    }

    private static HttpResponse<String> json(Sandbox sandbox, int port, String path, String body) {
        return SERVER.text(
                SERVER.to(sandbox, port, path).header("Content-Type", E2b.JSON).POST(BodyPublishers.ofString(body)));
    }

    private static HttpResponse<String> rpc(Sandbox sandbox, String method, String body) {
        return json(sandbox, E2b.ENVD_PORT, "/" + method, body);
    }

    private static HttpResponse<String> files(Sandbox sandbox, String method, String query, String... headers) {
        var request = SERVER.to(sandbox, E2b.ENVD_PORT, "/files?" + query)
                .method(method, method.equals("POST") ? BodyPublishers.ofString("x") : BodyPublishers.noBody());
        if (method.equals("POST")) {
            request.header("Content-Type", "application/octet-stream");
        }
        for (var i = 0; i < headers.length; i += 2) {
            request.header(headers[i], headers[i + 1]);
        }
        return SERVER.text(request);
    }

    @Test
    void bodiesOfACreate() {
        var bodies = new ArrayList<>(List.of(
                "",
                "{",
                "null",
                "[]",
                "\"x\"",
                "1",
                "{}",
                "{\"templateID\":1}",
                "{\"templateID\":{}}",
                "{\"templateID\":null}",
                "{\"templateID\":\"nosuch\"}",
                "{\"templateID\":\"../../etc\"}",
                "{\"templateID\":\"base\\u0000\"}",
                "{\"templateID\":\"BASE\"}",
                "{\"templateID\":\"\\ud800\"}",
                "{" + T + "} trailing",
                "{" + T + "," + T + "}",
                DEEP,
                "{\"a\":".repeat(10_000),
                "{\"templateID\":\"" + "a".repeat(5000) + "\"}"));
        for (var timeout : List.of(
                "-1",
                "-2147483649",
                "1e400",
                "99999999999999999999",
                "NaN",
                "\"60\"",
                "1.5",
                "true",
                "[1]",
                "{}",
                "86401")) {
            bodies.add("{" + T + ",\"timeout\":" + timeout + "}");
        }
        for (var map : List.of("\"x\"", "[1]", "7", "{\"a\":{}}", "{\"a\":1}", "{\"a\":null}")) {
            bodies.add("{" + T + ",\"metadata\":" + map + "}");
            bodies.add("{" + T + ",\"envVars\":" + map + "}");
        }
        for (var env : List.of(
                "{\"A=B\":\"x\"}",
                "{\"A\\u0000\":\"x\"}",
                "{\"A\":\"x\\u0000y\"}",
                "{\"\":\"x\"}",
                "{\"A\":\"\\udfff\"}",
                "{\"\\ud800\":\"x\"}")) {
            bodies.add("{" + T + ",\"envVars\":" + env + "}");
        }
        for (var size : List.of(
                "\"cpuCount\":0",
                "\"cpuCount\":-1",
                "\"cpuCount\":100000",
                "\"cpuCount\":2147483648",
                "\"memoryMB\":1",
                "\"memoryMB\":99999999",
                "\"memoryMB\":\"many\"",
                "\"diskSizeMB\":-5",
                "\"diskSizeMB\":99999999",
                "\"autoPause\":\"x\"",
                "\"network\":\"x\"",
                "\"network\":{\"allowOut\":\"x\"}",
                "\"network\":{\"allowOut\":[\"%%%\"]}",
                "\"allow_internet_access\":\"x\"")) {
            bodies.add("{" + T + "," + size + "}");
        }
        for (var body : bodies) {
            refused(body, SERVER.control("POST", "/v2/sandboxes", body));
        }
        refused("volumes", SERVER.control("POST", "/v2/sandboxes", "{" + T + ",\"volumeMounts\":[{}]}"), 501);
        refused(
                "10 MB",
                SERVER.control("POST", "/v2/sandboxes", "{\"templateID\":\"" + "a".repeat(10_000_000) + "\"}"),
                413);
        var bytes = new byte[] {'{', '"', 't', '"', ':', '"', (byte) 0xff, '"', '}'};
        refused(
                "not UTF-8",
                SERVER.text(SERVER.request("/sandboxes", E2b.HEADER_API_KEY, TestServer.KEY, "Content-Type", E2b.JSON)
                        .POST(BodyPublishers.ofByteArray(bytes))));
    }

    @Test
    void bodiesThatAFormOfAForeignPageCanSend() {
        for (var type : List.of(
                "text/plain",
                "application/x-www-form-urlencoded",
                "multipart/form-data",
                "text/plain; x=application/json",
                "")) {
            var create = SERVER.request("/sandboxes", E2b.HEADER_API_KEY, TestServer.KEY)
                    .POST(BodyPublishers.ofString("{" + T + "}"));
            var context = SERVER.to(sandbox, E2b.CODE_PORT, "/contexts").POST(BodyPublishers.ofString("{}"));
            var execute =
                    SERVER.to(sandbox, E2b.CODE_PORT, "/execute").POST(BodyPublishers.ofString("{\"code\":\"1\"}"));
            for (var request : List.of(create, context, execute)) {
                if (!type.isEmpty()) {
                    request.header("Content-Type", type);
                }
                var answer = SERVER.text(request);
                refused(type, answer, 415);
                softly.assertThat(answer.body()).contains("application/json");
            }
        }
    }

    @Test
    void idsThatAreNone() {
        for (var id : List.of(
                "..",
                "%2e%2e",
                "..%2f..%2fetc",
                "%00",
                sandbox.id() + "%00",
                sandbox.id().toUpperCase(java.util.Locale.ROOT),
                sandbox.id() + "%2f",
                "a".repeat(5000),
                "%F0%9F%98%80",
                "-1",
                "*",
                sandbox.id() + ";x",
                "%25" + sandbox.id(),
                "..%5c")) {
            refused(id, SERVER.control("GET", "/sandboxes/" + id, ""));
            refused(id, SERVER.control("DELETE", "/sandboxes/" + id, ""));
            for (var action : List.of("timeout", "pause", "connect", "snapshots", "fork")) {
                refused(id + action, SERVER.control("POST", "/sandboxes/" + id + "/" + action, "{}"));
            }
            refused(id, SERVER.control("PUT", "/sandboxes/" + id + "/network", "{}"));
            refused(id, SERVER.control("DELETE", "/templates/" + id, ""));
        }
        for (var method : List.of("PUT", "PATCH", "TRACE", "HEAD", "PROPFIND")) {
            refused(method, SERVER.control(method, "/sandboxes", ""));
            refused(method, SERVER.control(method, "/sandboxes/" + sandbox.id(), ""));
        }
        for (var query : List.of(
                "limit=0",
                "limit=-1",
                "limit=99999999999",
                "limit=x",
                "limit=NaN",
                "nextToken=zzz",
                "nextToken=%00",
                "state=bogus")) {
            refused(query, SERVER.control("GET", "/v2/sandboxes?" + query, ""), 200, 400);
        }
    }

    @Test
    void actionsWithWrongFields() {
        var probes = Map.of(
                "timeout",
                        List.of(
                                "{}",
                                "{\"timeout\":-1}",
                                "{\"timeout\":1e10}",
                                "{\"timeout\":null}",
                                "{\"timeout\":\"x\"}",
                                DEEP),
                "refreshes", List.of("{\"duration\":-1}", "{\"duration\":1000000000000}"),
                "connect", List.of("{\"timeout\":-1}", "{\"timeout\":100000000000}", "[]"),
                "pause", List.of("{\"memory\":\"x\"}", "5"),
                "snapshots", List.of("{\"name\":5}", "{\"name\":\"../x\"}"),
                "fork",
                        List.of(
                                "{\"count\":0}",
                                "{\"count\":-1}",
                                "{\"count\":1000000000}",
                                "{\"count\":\"x\"}",
                                "{\"timeout\":-3}"));
        probes.forEach((action, bodies) -> bodies.forEach(body ->
                refused(action + body, SERVER.control("POST", "/sandboxes/" + sandbox.id() + "/" + action, body))));
        for (var body : List.of(
                "{\"allowOut\":5}",
                "{\"allowOut\":[\"x y\"]}",
                "{\"denyOut\":[\"example.com\"]}",
                "{\"allowOut\":[\"1.2.3.4/99\"]}",
                "[]")) {
            refused(body, SERVER.control("PUT", "/sandboxes/" + sandbox.id() + "/network", body));
        }
        for (var key : List.of("x", TestServer.KEY + "x", TestServer.KEY.substring(1), "a".repeat(8000))) {
            refused("key", SERVER.text(SERVER.request("/sandboxes", E2b.HEADER_API_KEY, key)), 401);
        }
    }

    @Test
    void tokenOfAnotherSandboxOpensNothing() {
        for (var token : List.of(other.accessToken().orElseThrow(), TestServer.KEY, "x")) {
            for (var method : List.of(
                    "process.Process/List",
                    "process.Process/SendInput",
                    "process.Process/SendSignal",
                    "process.Process/Update",
                    "filesystem.Filesystem/Stat",
                    "filesystem.Filesystem/ListDir",
                    "filesystem.Filesystem/MakeDir",
                    "filesystem.Filesystem/Move",
                    "filesystem.Filesystem/Remove",
                    "filesystem.Filesystem/CreateWatcher",
                    "filesystem.Filesystem/GetWatcherEvents")) {
                refused(method, foreign(token, E2b.ENVD_PORT, "POST /" + method), 401);
            }
            for (var path : List.of(
                    "GET /files?path=/etc/passwd",
                    "POST /files?path=/tmp/x",
                    "POST /files/compose",
                    "GET /envs",
                    "GET /metrics")) {
                refused(path, foreign(token, E2b.ENVD_PORT, path), 401);
            }
            for (var path : List.of(
                    "POST /execute", "GET /executions/x", "POST /executions/x/ack", "POST /executions/x/interrupt")) {
                refused(path, foreign(token, E2b.CODE_PORT, path), 401);
            }
        }
        var context = Json.readObject(
                        json(other, E2b.CODE_PORT, "/contexts", "{}").body().getBytes(UTF_8))
                .path("id")
                .asText();
        refused("foreign context", code(sandbox, "{\"code\":\"1\",\"context_id\":\"" + context + "\"}"), 404);
        refused(
                "foreign context",
                SERVER.text(SERVER.to(sandbox, E2b.CODE_PORT, "/contexts/" + context)
                        .DELETE()),
                404);
    }

    private HttpResponse<String> foreign(String token, int port, String call) {
        var path = call.substring(call.indexOf(' ') + 1);
        HttpRequest.Builder request = SERVER.request(
                        path, E2b.HEADER_SANDBOX_ID, sandbox.id(), E2b.HEADER_SANDBOX_PORT, Integer.toString(port))
                .header(E2b.HEADER_ACCESS_TOKEN, token);
        if (call.startsWith("POST")) {
            request.header("Content-Type", E2b.JSON).POST(BodyPublishers.ofString("{}"));
        }
        return SERVER.text(request);
    }

    @Test
    void filesThatAreNoFilesAndLinksThatPointOut() {
        assertThat(code(
                                sandbox,
                                "{\"code\":\"import os, socket\\nos.mkfifo('/tmp/fifo')\\nos.symlink('/tmp/loop', '/tmp/loop')\\n"
                                        + "os.symlink('/proc/1/environ', '/tmp/environ')\\nos.symlink('/dev/zero', '/tmp/zero')\\n"
                                        + "open('/tmp/long', 'w').write('0123456789' * 1000)\\nos.symlink('/tmp/long', '/tmp/l')\\n"
                                        + "socket.socket(socket.AF_UNIX).bind('/tmp/socket')\"}")
                        .body())
                .doesNotContain("\"error\"");
        for (var path : List.of(
                "/tmp/fifo",
                "/tmp/loop",
                "/tmp/zero",
                "/tmp/socket",
                "/proc/1/mem",
                "/proc/self/mem",
                "/dev",
                "/",
                "/home/user",
                "/dev/zero",
                "/dev/full",
                "/dev/ptmx",
                "/etc/passwd/x",
                "/tmp/" + "a".repeat(300),
                "/" + "a/".repeat(2500),
                "%00",
                "/tmp/a%00b")) {
            refused("GET " + path, files(sandbox, "GET", "path=" + path));
            refused("POST " + path, files(sandbox, "POST", "path=" + path));
        }
        refused("/proc/sysrq-trigger", files(sandbox, "POST", "path=/proc/sysrq-trigger"));
        refused("/proc/1/environ", files(sandbox, "GET", "path=/tmp/environ"), 200, 400, 403);

        // A link shows the file behind it whole, and ranges of it.
        softly.assertThat(files(sandbox, "GET", "path=/tmp/l").body()).hasSize(10_000);
        softly.assertThat(files(sandbox, "GET", "path=/tmp/l", "Range", "bytes=9990-")
                        .body())
                .isEqualTo("0123456789");
        for (var range : List.of(
                "bytes=-5",
                "bytes=5-2",
                "bytes=99999-",
                "bytes=-0",
                "bytes=0-0,2-3",
                "bytes=x",
                "items=0-1",
                "bytes=99999999999999999999-",
                "bytes=0-99999999999999999999",
                "bytes=--1")) {
            refused(range, files(sandbox, "GET", "path=/tmp/l", "Range", range), 200, 206, 416);
        }
        for (var coding : List.of("gzip", "br", "gzip, gzip", "deflate")) {
            refused(coding, files(sandbox, "POST", "path=/tmp/q", "Content-Encoding", coding));
        }
        for (var body : List.of(
                "{}",
                "{\"source_paths\":5}",
                "{\"source_paths\":[],\"destination\":\"x\"}",
                "{\"source_paths\":[\"/nope\"],\"destination\":\"/tmp/z\"}",
                "{\"source_paths\":[\"/dev/zero\"],\"destination\":\"/tmp/z\"}",
                "{\"source_paths\":[\"/tmp/fifo\"],\"destination\":\"/tmp/z\"}",
                "{\"source_paths\":[1],\"destination\":\"/tmp/z\"}",
                DEEP)) {
            refused(body, json(sandbox, E2b.ENVD_PORT, "/files/compose", body));
        }
    }

    @Test
    void multipartWithForeignNames() {
        var names = Map.of("nul", "a\0b", "dots", "..", "folder", "/tmp/", "long", "a".repeat(5000));
        names.forEach((what, name) -> refused(what, multipart("--B\r\n" + part(name) + "\r\n\r\nx\r\n--B--\r\n", "B")));
        refused("cut off", multipart("--B\r\n" + part("a") + "\r\n\r\nx", "B"));
        refused("empty", multipart("", "B"));
        refused("no boundary", multipart("x", "B".repeat(500)));
        refused("large head", multipart("--B\r\nX: " + "y".repeat(200_000) + "\r\n\r\nx\r\n--B--\r\n", "B"));
        // Where E2B's envd writes, this one does: inside the sandbox, with its own rights.
        refused("up", multipart("--B\r\n" + part("../../tmp/up") + "\r\n\r\nx\r\n--B--\r\n", "B"), 200);
        softly.assertThat(files(sandbox, "GET", "path=/tmp/up").body()).isEqualTo("x");
    }

    private static String part(String name) {
        return "Content-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"";
    }

    private HttpResponse<String> multipart(String body, String boundary) {
        return SERVER.text(SERVER.to(sandbox, E2b.ENVD_PORT, "/files")
                .header("Content-Type", "multipart/form-data; boundary=" + boundary)
                .POST(BodyPublishers.ofString(body)));
    }

    @Test
    void callsWithWrongFields() {
        for (var method : List.of("Stat", "ListDir", "MakeDir", "Remove", "CreateWatcher")) {
            for (var body : List.of(
                    "{\"path\":5}",
                    "{\"path\":\"/tmp/a\\u0000b\"}",
                    "{\"path\":\"" + "a/".repeat(5000) + "\"}",
                    "{\"path\":[\"x\"]}",
                    DEEP,
                    "null",
                    "[]",
                    "x",
                    "{\"path\":\"\\ud800\"}",
                    "{\"path\":\"/\",\"path\":\"/\"}")) {
                refused(method + body, rpc(sandbox, "filesystem.Filesystem/" + method, body));
            }
        }
        refused("root", rpc(sandbox, "filesystem.Filesystem/Remove", "{\"path\":\"/\"}"));
        for (var signal : List.of("0", "-1", "65", "\"SIGNAL_X\"", "1000000000000", "null", "1.5", "[]")) {
            refused(
                    signal,
                    rpc(sandbox, "process.Process/SendSignal", "{\"process\":{\"pid\":1},\"signal\":" + signal + "}"));
        }
        for (var selector : List.of(
                "{\"pid\":0}",
                "{\"pid\":-1}",
                "{\"pid\":2147483648}",
                "{\"pid\":\"x\"}",
                "{}",
                "{\"tag\":\"nope\"}",
                "{\"tag\":5}",
                "null",
                "5")) {
            for (var method : List.of("SendSignal", "SendInput", "Update", "CloseStdin")) {
                refused(
                        method + selector,
                        rpc(
                                sandbox,
                                "process.Process/" + method,
                                "{\"process\":" + selector
                                        + ",\"signal\":\"SIGNAL_SIGKILL\",\"input\":{\"stdin\":\"eA==\"},\"pty\":{\"size\":{\"cols\":9,\"rows\":9}}}"));
            }
        }
        refused("method", rpc(sandbox, "process.Process/Nope", "{}"), 501);
    }

    @Test
    void startsWithWrongFields() {
        var bodies = new ArrayList<>(List.of(
                "{}",
                "[]",
                "junk",
                DEEP,
                "{\"process\":{}}",
                "{\"process\":{\"cmd\":5}}",
                "{\"process\":{\"cmd\":\"/bin/tr\\u0000ue\"}}",
                "{\"process\":{\"cmd\":\"/etc\"}}",
                "{\"process\":{\"cmd\":\"/nope\"}}",
                "{\"process\":{\"cmd\":\"/" + "a".repeat(10_000) + "\"}}"));
        for (var more : List.of(
                "\"args\":\"x\"",
                "\"args\":[1]",
                "\"args\":[\"" + "a".repeat(900_000) + "\"]",
                "\"cwd\":\"/nope\"",
                "\"cwd\":\"/etc/passwd\"",
                "\"cwd\":\"/a\\u0000\"",
                "\"cwd\":5",
                "\"envs\":{\"A=B\":\"x\"}",
                "\"envs\":{\"A\\u0000\":\"x\"}",
                "\"envs\":{\"A\":\"\\u0000\"}",
                "\"envs\":{\"\":\"x\"}",
                "\"envs\":{\"A\":5}",
                "\"envs\":{\"A\":\"" + "y".repeat(3_000_000) + "\"}")) {
            bodies.add("{\"process\":{\"cmd\":\"/bin/true\"," + more + "}}");
        }
        for (var size : List.of("0", "-1", "65536", "10000000000", "\"x\"", "1.5")) {
            bodies.add("{\"process\":{\"cmd\":\"/bin/true\"},\"pty\":{\"size\":{\"cols\":" + size + ",\"rows\":24}}}");
        }
        for (var body : bodies) {
            var answer = SERVER.text(SERVER.to(sandbox, E2b.ENVD_PORT, "/process.Process/Start")
                    .header("Content-Type", E2b.CONNECT_JSON)
                    .POST(BodyPublishers.ofByteArray(ConnectFrame.message(body.getBytes(UTF_8)))));
            var name = body.length() > 100 ? body.substring(0, 100) : body;
            softly.assertThat(answer.body()).as(name).contains("\"error\"").doesNotContain("\"start\"");
            discreet(name, answer);
        }
    }

    @Test
    void codeWithWrongFields() {
        var bodies = new ArrayList<>(List.of(
                "",
                "{}",
                "null",
                "[]",
                "{",
                DEEP,
                "{\"code\":5}",
                "{\"code\":null}",
                "{\"code\":\"\\ud800\"}",
                "{\"code\":\"" + "#".repeat(17_000_000) + "\"}",
                "{\"code\":\"" + "#".repeat(2_000_000) + "\"}"));
        for (var more : List.of(
                "\"language\":\"cobol\"",
                "\"language\":5",
                "\"language\":\"../x\"",
                "\"context_id\":\"nope\"",
                "\"context_id\":5",
                "\"code\":\"2\"",
                "\"env_vars\":{\"A=B\":\"x\"}",
                "\"env_vars\":{\"A\":\"\\u0000\"}",
                "\"env_vars\":5",
                "\"env_vars\":{\"A\":5}",
                "\"env_vars\":{\"\":\"x\"}")) {
            bodies.add("{\"code\":\"1\"," + more + "}");
        }
        bodies.forEach(body -> refused(body, code(sandbox, body)));
        for (var id : List.of("../x", "a".repeat(100), "a b", "a/b")) {
            refused(
                    id,
                    SERVER.text(SERVER.to(sandbox, E2b.CODE_PORT, "/execute")
                            .header("Content-Type", E2b.JSON)
                            .header(E2b.HEADER_EXECUTION_ID, id)
                            .POST(BodyPublishers.ofString("{\"code\":\"1\"}"))));
        }
        for (var query : List.of("after=-1", "after=x", "after=99999999999999999999", "language=cobol")) {
            refused(query, SERVER.text(SERVER.to(sandbox, E2b.CODE_PORT, "/executions/nope?" + query)));
        }
        for (var body : List.of(
                "{\"language\":5}",
                "{\"language\":\"cobol\"}",
                "{\"cwd\":5}",
                "{\"cwd\":\"a\\u0000\"}",
                "{\"cwd\":\"" + "a".repeat(5000) + "\"}",
                "[",
                DEEP)) {
            refused(body, json(sandbox, E2b.CODE_PORT, "/contexts", body));
        }
        for (var id : List.of("nope", "%2e%2e", "%00", "a".repeat(5000))) {
            refused(
                    id,
                    SERVER.text(
                            SERVER.to(sandbox, E2b.CODE_PORT, "/contexts/" + id).DELETE()));
            refused(id, json(sandbox, E2b.CODE_PORT, "/contexts/" + id + "/restart", ""));
        }
    }

    @Test
    void twentyClientsDoEverythingToOneSandboxAtOnce() throws InterruptedException {
        var contested = ENGINE.engine().create(SandboxSpec.of("base", Duration.ofMinutes(5)));
        var path = "/sandboxes/" + contested.id();
        var calls = List.of(
                "POST /pause",
                "POST /connect",
                "POST /resume",
                "POST /timeout",
                "GET ",
                "POST /pause",
                "POST /connect");
        var statuses = new ConcurrentLinkedQueue<Integer>();
        try (var clients = Executors.newVirtualThreadPerTaskExecutor()) {
            for (var client = 0; client < 20; client++) {
                var first = client;
                var _ = clients.submit(() -> {
                    for (var i = 0; i < 6; i++) {
                        var call = calls.get((first + i) % calls.size()).split(" ", 2);
                        statuses.add(SERVER.control(
                                        call[0], path + call[1], call[0].equals("GET") ? "" : "{\"timeout\":300}")
                                .statusCode());
                    }
                    if (first == 7) {
                        statuses.add(SERVER.control("DELETE", path, "").statusCode());
                    }
                });
            }
        }

        softly.assertThat(statuses).hasSize(121).allMatch(status -> status < 500);
        refused("killed", SERVER.control("GET", path, ""), 404);
    }
}
