package io.athenic.e2b.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.athenic.e2b.protocol.E2b;
import io.athenic.engine.ProcessSpec;
import io.athenic.engine.Sandbox;
import io.athenic.engine.testing.EngineExtension;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.WebSocket;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Requests to servers that run in a sandbox. */
class RelayTest {
    private static final int PORT = 8000;

    /** Answers with what it was sent; /chunks in pieces, /break breaks off, /ws is a WebSocket that echoes texts. */
    private static final String SERVER_PY = """
            import base64, hashlib, http.server, struct
            class H(http.server.BaseHTTPRequestHandler):
                protocol_version = 'HTTP/1.1'
                def log_message(self, *a): pass
                def body(self):
                    if self.headers.get('Transfer-Encoding') == 'chunked':
                        data = b''
                        while True:
                            n = int(self.rfile.readline(), 16)
                            data += self.rfile.read(n)
                            self.rfile.readline()
                            if n == 0: return data
                    return self.rfile.read(int(self.headers.get('Content-Length', 0)))
                def do_GET(self):
                    if self.path == '/chunks':
                        self.send_response(200); self.send_header('Transfer-Encoding', 'chunked'); self.end_headers()
                        for part in (b'one ', b'two ', b'three'):
                            self.wfile.write(b'%x\\r\\n%s\\r\\n' % (len(part), part))
                        self.wfile.write(b'0\\r\\n\\r\\n')
                    elif self.path == '/break':
                        self.send_response(200); self.send_header('Content-Length', '100'); self.end_headers()
                        self.wfile.write(b'part'); self.wfile.flush(); self.connection.close()
                    elif self.path == '/junk':
                        self.wfile.write(b'SSH-2.0-x\\r\\n'); self.close_connection = True
                    elif self.path == '/ws':
                        key = self.headers['Sec-WebSocket-Key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
                        self.send_response(101)
                        self.send_header('Upgrade', 'websocket'); self.send_header('Connection', 'Upgrade')
                        self.send_header('Sec-WebSocket-Accept', base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
                        self.end_headers()
                        while True:
                            head = self.rfile.read(2)
                            if len(head) < 2: return
                            n = head[1] & 127
                            mask = self.rfile.read(4); data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(n)))
                            self.wfile.write(bytes([head[0], n]) + data)
                            if head[0] & 15 == 8: self.close_connection = True; return
                    else:
                        names = ','.join(sorted(k.lower() for k in self.headers))
                        text = (self.command + ' ' + self.path + ' ' + self.headers['Host'] + ' ' + names).encode()
                        self.send_response(200); self.send_header('Content-Length', str(len(text)))
                        self.send_header('Set-Cookie', 'a=1'); self.send_header('Set-Cookie', 'b=2'); self.end_headers()
                        if self.command != 'HEAD': self.wfile.write(text)
                do_HEAD = do_GET
                def do_POST(self):
                    data = self.body()
                    self.send_response(201); self.send_header('Content-Length', str(len(data))); self.end_headers()
                    self.wfile.write(data)
            http.server.ThreadingHTTPServer(('127.0.0.1', PORT), H).serve_forever()
            """;

    @RegisterExtension
    @Order(1)
    static final EngineExtension ENGINE = new EngineExtension();

    @RegisterExtension
    @Order(2)
    static final TestServer SERVER = new TestServer(ENGINE);

    private static Sandbox serving() throws IOException {
        var sandbox = SERVER.sandbox();
        var agent = sandbox.agent();
        agent.write(
                "server.py",
                null,
                Map.of(),
                new ByteArrayInputStream(
                        SERVER_PY.replace("PORT", Integer.toString(PORT)).getBytes(UTF_8)));
        agent.start(ProcessSpec.of("python3", "server.py")).close();
        await().until(() -> SERVER.text(SERVER.to(sandbox, PORT, "/")).statusCode() == 200);
        return sandbox;
    }

    @Test
    void requestsPassByHeadersAndByHostName() throws IOException {
        var sandbox = serving();

        var answer = SERVER.text(SERVER.to(sandbox, PORT, "/a%20b?q=1").header(E2b.HEADER_API_KEY, TestServer.KEY));
        assertThat(answer.body()).startsWith("GET /a%20b?q=1 127.0.0.1:" + SERVER.port());
        assertThat(answer.body()).doesNotContain("x-api-key", "e2b-sandbox-id", "x-access-token");
        var own = SERVER.text(SERVER.to(sandbox, PORT, "/").header(E2b.HEADER_API_KEY, "key of the app"));
        assertThat(own.body()).contains("x-api-key");
        assertThat(answer.headers().allValues("Set-Cookie")).containsExactly("a=1", "b=2");
        assertThat(SERVER.statusOf("GET / HTTP/1.1\r\nHost: " + PORT + "-" + sandbox.id() + ".e2b.example\r\n\r\n"))
                .isEqualTo("HTTP/1.1 200 OK");
        var head = SERVER.text(SERVER.to(sandbox, PORT, "/").method("HEAD", BodyPublishers.noBody()));
        assertThat(head.statusCode()).isEqualTo(200);
        assertThat(head.headers().firstValueAsLong("Content-Length").orElse(0)).isPositive();
    }

    @Test
    void bodiesOfAnyFraming() throws IOException {
        var sandbox = serving();
        var bytes = new byte[3_000_000];
        new Random(3).nextBytes(bytes);

        var fixed = SERVER.bytes(SERVER.to(sandbox, PORT, "/").POST(BodyPublishers.ofByteArray(bytes)));
        assertThat(fixed.statusCode()).isEqualTo(201);
        assertThat(fixed.body()).isEqualTo(bytes);
        var chunked = SERVER.bytes(SERVER.to(sandbox, PORT, "/")
                .POST(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes))));
        assertThat(chunked.body()).isEqualTo(bytes);
        assertThat(SERVER.text(SERVER.to(sandbox, PORT, "/chunks")).body()).isEqualTo("one two three");
    }

    @Test
    void whatIsNoAnswerIsTold() throws IOException {
        var sandbox = serving();

        var closed = SERVER.text(SERVER.to(sandbox, 8001, "/"));
        assertThat(closed.statusCode()).isEqualTo(502);
        assertThat(closed.body())
                .isEqualTo("{\"sandboxId\":\"" + sandbox.id()
                        + "\",\"message\":\"The sandbox is running but port is not open\",\"port\":8001,\"code\":502}");
        assertThat(SERVER.text(SERVER.to(sandbox, 8001, "/").header("Accept", "text/html"))
                        .headers()
                        .firstValue("Content-Type"))
                .contains("text/html; charset=utf-8");
        assertThat(SERVER.text(SERVER.to(sandbox, PORT, "/junk")).statusCode()).isEqualTo(502);
        assertThat(SERVER.async(SERVER.to(sandbox, PORT, "/break")).handle((answer, failure) -> failure != null))
                .succeedsWithin(java.time.Duration.ofSeconds(60))
                .isEqualTo(true);
        assertThat(SERVER.text(SERVER.request("/", E2b.HEADER_SANDBOX_ID, "unknown1", E2b.HEADER_SANDBOX_PORT, "80"))
                        .statusCode())
                .isEqualTo(502);
        assertThat(SERVER.text(SERVER.request("/", E2b.HEADER_SANDBOX_ID, "../x"))
                        .statusCode())
                .isEqualTo(400);
    }

    @Test
    void webSocketsPassThrough() throws Exception {
        var sandbox = serving();
        var echo = new CompletableFuture<String>();
        var listener = new WebSocket.Listener() {
            @Override
            public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
                echo.complete(data.toString());
                socket.request(1);
                return CompletableFuture.completedFuture(null);
            }
        };

        var socket = SERVER.client()
                .newWebSocketBuilder()
                .header(E2b.HEADER_SANDBOX_ID, sandbox.id())
                .header(E2b.HEADER_SANDBOX_PORT, Integer.toString(PORT))
                .buildAsync(java.net.URI.create("ws://127.0.0.1:" + SERVER.port() + "/ws"), listener)
                .get(60, TimeUnit.SECONDS);
        socket.sendText("hello", true).get(60, TimeUnit.SECONDS);

        assertThat(echo.get(60, TimeUnit.SECONDS)).isEqualTo("hello");
        socket.sendClose(WebSocket.NORMAL_CLOSURE, "").get(60, TimeUnit.SECONDS);
        await().until(socket::isInputClosed);
    }
}
