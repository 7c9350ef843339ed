package io.athenic.e2b.server.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real connections, byte by byte, to a real HTTP server behind the door. */
class DoorTest {
    private static final Duration SOON = Duration.ofMinutes(1);
    private static final Duration LONG = Duration.ofHours(1);
    private static final String HOST = "Host: localhost\r\n";

    private final Vertx vertx = Vertx.vertx();
    private final List<Socket> sockets = new ArrayList<>();
    private final ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<HttpServerRequest> held = new ConcurrentLinkedQueue<>();
    private int port;

    @AfterEach
    void close() throws IOException {
        for (var socket : sockets) {
            socket.close();
        }
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "400 POST / HTTP/1.1|Host: a|Content-Length: 5|Transfer-Encoding: chunked||0||",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked|Content-Length: 5||0||",
                "400 POST / HTTP/1.1|Host: a|Content-Length: 5|Content-Length: 6||abcde",
                "400 POST / HTTP/1.1|Host: a|Content-Length: 5|content-length: 5||abcde",
                "400 POST / HTTP/1.1|Host: a|Content-Length: 5, 5||abcde",
                "400 POST / HTTP/1.1|Host: a|Content-Length: +5||abcde",
                "400 POST / HTTP/1.1|Host: a|Content-Length: -5||abcde",
                "400 POST / HTTP/1.1|Host: a|Content-Length: 0x5||abcde",
                "400 POST / HTTP/1.1|Host: a|Content-Length: 5 5||abcde",
                "400 POST / HTTP/1.1|Host: a|Content-Length: 99999999999999999999||abcde",
                "400 POST / HTTP/1.1|Host: a|Content-Length:||abcde",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked|Transfer-Encoding: identity||0||",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding: gzip, chunked||0||",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding: xchunked||0||",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding : chunked||0||",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding: \u000bchunked||0||",
                "400 POST / HTTP/1.0|Host: a|Transfer-Encoding: chunked||0||",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked||zz|abc|0||",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked||-1|abc|0||",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked||0x3|abc|0||",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked||ffffffffffffffff|abc|0||",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked||3|abcdef|0||",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked||0|Host: b||",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked||3\nabc|0||",
                "400 POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked||3;x=y|abc|0||",
                "400 GET / HTTP/1.1|Host: a| folded: b||",
                "400 GET / HTTP/1.1|Host: a|X: 1|\tfolded||",
                "400 GET / HTTP/1.1|Host: a\nX: 1||",
                "400 GET / HTTP/1.1|Host: a\rX: 1||",
                "400 GET / HTTP/1.1\nHost: a\n\n",
                "400 GET / HTTP/1.1|Host: a|X: a\u0000b||",
                "400 GET / HTTP/1.1|Host: a|X\u0000: b||",
                "400 GET / HTTP/1.1|Host: a|X Y: b||",
                "400 GET / HTTP/1.1|Host: a|: b||",
                "400 GET / HTTP/1.1|Host: a|no colon||",
                "400 GET / HTTP/1.1|Host: a|Host: a||",
                "400 GET / HTTP/1.1|Host: a@b||",
                "400 GET / HTTP/1.1|Host: a/b||",
                "400 GET / HTTP/1.1|Host: a, b||",
                "400 GET / HTTP/1.1|Host:||",
                "400 GET / HTTP/1.1||",
                "400 GET http://evil.example/ HTTP/1.1|Host: a||",
                "400 GET //evil.example\u00e9/ HTTP/1.1|Host: a||",
                "400 CONNECT evil.example:80 HTTP/1.1|Host: a||",
                "400 OPTIONS * HTTP/1.1|Host: a||",
                "400 GET /a b HTTP/1.1|Host: a||",
                "400 GET  / HTTP/1.1|Host: a||",
                "400 GET\t/ HTTP/1.1|Host: a||",
                "400  GET / HTTP/1.1|Host: a||",
                "400 G\u0000T / HTTP/1.1|Host: a||",
                "400 GARBAGE||",
                "400 GET /||",
                "400 ||GET / HTTP/1.1|Host: a||",
                "505 GET / HTTP/2.0|Host: a||",
                "505 GET / HTTP/1.2|Host: a||",
                "505 GET / http/1.1|Host: a||",
                "505 PRI * HTTP/2.0||SM||",
                "400 \u0016\u0003\u0001\u0002 TLS||",
                "417 POST / HTTP/1.1|Host: a|Expect: everything|Content-Length: 1||x"
            })
    void bytesThatAreNoRequestAreRefusedInWords(String line) throws IOException {
        start(bounds(100, LONG, LONG));

        var answer = answerTo(line.substring(4).replace("|", "\r\n"));

        if (line.contains("chunked||") && !answer.startsWith("HTTP/1.1 ")) {
            // A body that turns out malformed after the request was handed on: its connection ends, perhaps without a
            // word.
            assertThat(answer).isEmpty();
        } else {
            assertThat(answer)
                    .startsWith("HTTP/1.1 " + line.substring(0, 3) + " ")
                    .contains("Connection: close")
                    .contains("{\"status\":");
        }
        assertThat(seen).doesNotContain("GET /smuggled");
        assertThat(answerTo("GET /well HTTP/1.1\r\n" + HOST + "Connection: close\r\n\r\n"))
                .contains(" 200 ");
    }

    @Test
    void longLinesAndHeadsAndManyHeadersAreRefused() throws IOException {
        start(bounds(100, LONG, LONG));

        assertThat(answerTo("GET /" + "a".repeat(5000) + " HTTP/1.1\r\n" + HOST + "\r\n"))
                .contains(" 414 ");
        assertThat(answerTo("GET / HTTP/1.1\r\n" + HOST + "X: " + "a".repeat(20_000) + "\r\n\r\n"))
                .contains(" 431 ");
        assertThat(answerTo("GET / HTTP/1.1\r\n" + HOST + "X: 1\r\n".repeat(100) + "\r\n"))
                .contains(" 431 ");
        assertThat(answerTo("GET / HTTP/1.1\r\n" + HOST + "X: 1\r\n".repeat(98) + "Connection: close\r\n\r\n"))
                .contains(" 200 ");
    }

    @Test
    void requestsOneAfterTheOtherAreFollowedByteByByte() throws IOException {
        start(bounds(100, LONG, LONG));
        var all = "POST /one HTTP/1.1\r\n" + HOST + "Content-Length: 24\r\n\r\nGET /smuggled HTTP/1.1\r\n"
                + "POST /two HTTP/1.1\r\n" + HOST + "Transfer-Encoding: Chunked\r\n\r\n"
                + "18\r\nGET /smuggled HTTP/1.1\r\n\r\n003\r\nabc\r\n0\r\n\r\n"
                + "GET /three HTTP/1.1\r\n" + HOST + "Connection: close\r\n\r\n";

        var whole = answerTo(all);
        var socket = open();
        for (var b : all.getBytes(ISO_8859_1)) {
            socket.getOutputStream().write(b);
        }
        var piecemeal = rest(socket);

        assertThat(whole.split(" 200 OK")).hasSize(4);
        assertThat(piecemeal.split(" 200 OK")).hasSize(4);
        assertThat(seen)
                .containsExactly(
                        "POST /one 24", "POST /two 27", "GET /three 0", "POST /one 24", "POST /two 27", "GET /three 0");
    }

    @Test
    void clientsThatSendTheirHeadersSlowlyAreCutOffAndIdleOnesAreNot() throws IOException {
        start(bounds(100, Duration.ofSeconds(3), LONG)); // more than a machine stands still
        var idle = open("GET /idle HTTP/1.1\r\n" + HOST + "\r\n");
        await().atMost(SOON).until(() -> seen.contains("GET /idle 0"));
        var half = open("GET / HTTP/1.1\r\nHost: loc");
        var silent = open();
        var dripping = open("GET / HTTP/1.1\r\n");
        var dripper = Thread.ofVirtual().start(() -> {
            try {
                while (true) {
                    dripping.getOutputStream().write("X: 1\r\n".getBytes(ISO_8859_1));
                    Thread.sleep(100);
                }
            } catch (IOException | InterruptedException e) {
                // cut off, as it should be
            }
        });

        assertThat(rest(half)).contains(" 408 ").contains("the headers did not arrive");
        assertThat(rest(silent)).isEmpty();
        await().atMost(SOON).until(() -> !dripper.isAlive());
        idle.getOutputStream()
                .write(("GET /again HTTP/1.1\r\n" + HOST + "Connection: close\r\n\r\n").getBytes(ISO_8859_1));
        assertThat(rest(idle).split(" 200 OK")).hasSize(3);
    }

    @Test
    void bodiesThatArriveTooSlowlyAreCutOffAndHeldUpOnesAreNot() throws IOException {
        start(bounds(100, LONG, Duration.ofSeconds(1)));
        var paused = open("POST /hold HTTP/1.1\r\n" + HOST + "Connection: close\r\nContent-Length: 40000000\r\n\r\n");
        var feeder = Thread.ofVirtual().start(() -> {
            try {
                paused.getOutputStream().write(new byte[40_000_000]);
            } catch (IOException e) {
                // looked at below
            }
        });
        await().atMost(SOON).until(() -> held.size() == 1);

        var slow = open("POST / HTTP/1.1\r\n" + HOST + "Content-Length: 100\r\n\r\nx");
        assertThat(rest(slow)).contains(" 408 ").contains("bytes a second");

        var request = held.remove();
        request.resume();
        assertThat(rest(paused)).contains(" 200 ");
        await().atMost(SOON).until(() -> !feeder.isAlive());
    }

    @Test
    void atTheBoundTheLongestIdleMakesRoomAndBusyOnesStay() throws IOException {
        start(bounds(2, LONG, LONG));
        var busy = open("POST /hold HTTP/1.1\r\n" + HOST + "Content-Length: 0\r\nConnection: close\r\n\r\n");
        var idle = open("GET /idle HTTP/1.1\r\n" + HOST + "\r\n");
        await().atMost(SOON).until(() -> held.size() == 1 && seen.contains("GET /idle 0"));

        // Until the idle one has been so for two seconds the new ones are told that there is no room.
        await().atMost(SOON).until(() -> {
            var answer = answerTo("GET /new HTTP/1.1\r\n" + HOST + "Connection: close\r\n\r\n");
            assertThat(answer)
                    .satisfiesAnyOf(
                            text -> assertThat(text).contains(" 200 "),
                            text -> assertThat(text).contains(" 503 "),
                            text -> assertThat(text).isEmpty());
            return answer.contains(" 200 ");
        });

        assertThat(rest(idle).split(" 200 OK")).hasSize(2);
        held.remove().response().end();
        assertThat(rest(busy)).contains(" 200 ");
    }

    @Test
    void clientsThatAskOnWithoutReadingTheAnswersAreCutOff() throws IOException {
        start(bounds(100, LONG, LONG));
        var socket = open(
                "GET /socket HTTP/1.1\r\n" + HOST
                        + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        await().until(() -> socket.getInputStream().available() > 100);
        var pings = new byte[1000 * 131]; // each of 125 bytes, masked with zeros
        for (var at = 0; at < pings.length; at += 131) {
            pings[at] = (byte) 0x89;
            pings[at + 1] = (byte) (0x80 | 125);
        }

        assertThatThrownBy(() -> {
                    for (var sent = 0L; sent < 1L << 30; sent += pings.length) {
                        socket.getOutputStream().write(pings);
                    }
                })
                .isInstanceOf(SocketException.class);
        assertThat(answerTo("GET /well HTTP/1.1\r\n" + HOST + "Connection: close\r\n\r\n"))
                .contains(" 200 ");
    }

    private static Door.Bounds bounds(int connections, Duration head, Duration bodyGrace) {
        return new Door.Bounds(connections, 4096, 16 << 10, head, LONG, bodyGrace, 1024);
    }

    private void start(Door.Bounds bounds) {
        var door = new Door(vertx, bounds, (status, text) -> "{\"status\":" + status + ",\"text\":\"" + text + "\"}");
        HttpServer server = vertx.createHttpServer(
                        new HttpServerOptions().setHost("127.0.0.1").setPort(0).setHttp2ClearTextEnabled(false))
                .connectionHandler(door::admit)
                .webSocketHandler(nothing -> {})
                .requestHandler(this::answer);
        port = server.listen().toCompletionStage().toCompletableFuture().join().actualPort();
    }

    private void answer(HttpServerRequest request) {
        var length = new int[1];
        request.handler(chunk -> length[0] += chunk.length());
        request.endHandler(nothing -> {
            seen.add(request.method() + " " + request.uri() + " " + length[0]);
            if (!request.uri().equals("/hold") || length[0] > 0) {
                request.response().end("well");
            }
        });
        if (request.uri().equals("/hold")) {
            request.pause();
            held.add(request);
        }
    }

    private Socket open(String bytes) throws IOException {
        var socket = open();
        socket.getOutputStream().write(bytes.getBytes(ISO_8859_1));
        return socket;
    }

    private Socket open() throws IOException {
        var socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setSoTimeout((int) SOON.toMillis());
        sockets.add(socket);
        return socket;
    }

    private String answerTo(String bytes) throws IOException {
        try {
            return rest(open(bytes));
        } catch (SocketException e) {
            return ""; // closed before all of it was sent
        }
    }

    /** What comes until the server closes the connection. */
    private static String rest(Socket socket) {
        var text = new StringBuilder();
        try {
            var in = socket.getInputStream();
            for (var b = in.read(); b >= 0; b = in.read()) {
                text.append((char) b);
            }
        } catch (SocketException e) {
            // reset: what came before it counts
        } catch (IOException e) {
            throw new AssertionError("the connection is still open after: " + text, e);
        }
        return text.toString();
    }
}
