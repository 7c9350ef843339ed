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
    void connectionsBeyondTheBoundAreClosed() throws IOException {
        var open = new ArrayList<Socket>();
        try {
            for (var i = 0; i < 210; i++) {
                open.add(SERVER.raw(""));
            }
            var last = open.getLast();
            assertThat(last.getInputStream().read()).isEqualTo(-1);
        } finally {
            for (var socket : open) {
                socket.close();
            }
        }
        await().until(() -> SERVER.text(SERVER.request("/health")).statusCode() == 204);
    }
}
