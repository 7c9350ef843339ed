package io.athenic.e2b.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.athenic.engine.testing.EngineExtension;
import java.io.IOException;
import java.net.Socket;
import java.util.ArrayList;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class OverloadTest {
    @RegisterExtension
    @Order(1)
    static final EngineExtension ENGINE = new EngineExtension(0, 1);

    @RegisterExtension
    @Order(2)
    static final TestServer SERVER = new TestServer(ENGINE, 4);

    @Test
    void requestsBeyondTheBoundAre429AndComeBack() throws IOException {
        var head = "POST /sandboxes HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: " + TestServer.KEY
                + "\r\nContent-Length: 100\r\n\r\n{";
        var hanging = new ArrayList<Socket>();
        for (var i = 0; i < 4; i++) {
            hanging.add(SERVER.raw(head));
        }
        await().until(() -> SERVER.text(SERVER.request("/health")).statusCode() == 429);

        for (var socket : hanging) {
            socket.close();
        }

        await().until(() -> SERVER.text(SERVER.request("/health")).statusCode() == 204);
    }

    @Test
    void oneSandboxCannotHaveAllRequestsUnderWay() throws IOException {
        var sandbox = SERVER.sandbox();
        var head = "POST /files?path=/tmp/x HTTP/1.1\r\nHost: localhost\r\nE2b-Sandbox-Id: " + sandbox.id()
                + "\r\nE2b-Sandbox-Port: 49983\r\nX-Access-Token: "
                + sandbox.accessToken().orElseThrow()
                + "\r\nContent-Type: application/octet-stream\r\nContent-Length: 100\r\n\r\nx";

        try (var _ = SERVER.raw(head)) { // a quarter of four is one
            await().until(() ->
                    SERVER.text(SERVER.to(sandbox, 49983, "/health")).statusCode() == 429);
            assertThat(SERVER.text(SERVER.request("/health")).statusCode()).isEqualTo(204);
        }
        await().until(() -> SERVER.text(SERVER.to(sandbox, 49983, "/health")).statusCode() == 204);
    }

    @Test
    void requestsThatCanBeReadInTwoWaysAreRefused() throws IOException {
        assertThat(SERVER.statusOf("GET /health HTTP/1.1\r\nHost: localhost\r\nHost: elsewhere\r\n\r\n"))
                .contains(" 400 ");
        assertThat(SERVER.statusOf("GET http://elsewhere/health HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                .contains(" 400 ");
        assertThat(SERVER.statusOf(
                        "POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"))
                .contains(" 400 ");
    }
}
