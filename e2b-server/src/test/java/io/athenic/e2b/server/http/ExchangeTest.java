package io.athenic.e2b.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** An exchange on a real connection that is used for several requests. */
class ExchangeTest {
    private final Vertx vertx = Vertx.vertx();

    @AfterEach
    void close() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }

    @Test
    void aResetAfterTheAnswerLeavesTheConnectionToTheNextRequest() throws IOException {
        int port = serve(exchange -> {
            exchange.respondText(200, "whole");
            exchange.reset(); // the sandbox of a request that has just been answered is killed
        });

        try (var client = new Client(port)) {
            for (int request = 0; request < 3; request++) {
                assertThat(client.get()).isEqualTo("whole");
            }
        }
    }

    @Test
    void aResetBeforeTheEndCutsTheConnection() throws IOException {
        int port = serve(exchange -> {
            exchange.stream(200, 100).sendHead();
            exchange.reset();
        });

        try (var client = new Client(port)) {
            assertThat(client.get()).isNull();
        }
    }

    private int serve(Consumer<Exchange> answer) {
        HttpServer server = vertx.createHttpServer().requestHandler(request -> {
            var exchange = new Exchange(request, vertx.getOrCreateContext());
            Thread.ofVirtual().start(() -> answer.accept(exchange));
        });
        server.listen(0, "127.0.0.1").toCompletionStage().toCompletableFuture().join();
        return server.actualPort();
    }

    private static final class Client implements AutoCloseable {
        private final Socket socket;
        private final BufferedReader in;

        Client(int port) throws IOException {
            socket = new Socket(InetAddress.getLoopbackAddress(), port);
            socket.setSoTimeout(60_000);
            in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1));
        }

        /** The body; null when the connection ended before it was there. */
        @org.jspecify.annotations.Nullable
        String get() throws IOException {
            socket.getOutputStream().write("GET / HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
            int length = -1;
            String line = in.readLine();
            while (line != null && !line.isEmpty()) {
                if (line.toLowerCase(java.util.Locale.ROOT).startsWith("content-length:")) {
                    length = Integer.parseInt(line.substring(15).strip());
                }
                line = in.readLine();
            }
            var body = new char[Math.max(length, 0)];
            int have = 0;
            while (line != null && have < body.length) {
                int count = in.read(body, have, body.length - have);
                if (count < 0) {
                    return null;
                }
                have += count;
            }
            return line == null ? null : new String(body);
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }
}
