package io.athenic.e2b.server.relay;

import io.athenic.e2b.server.http.Exchange;
import io.athenic.engine.PortConnection;
import io.athenic.engine.Sandbox;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Passes a request on to a server in the sandbox and its answer back, as streams: one connection into the room for each
 * request. Headers of one hop stay on their hop; the caller's API key and routing headers never enter the room.
 */
public final class PortRelay {
    private static final int CHUNK = 64 << 10;

    private static final Set<String> HOP = Set.of(
            "connection",
            "keep-alive",
            "proxy-connection",
            "proxy-authenticate",
            "proxy-authorization",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "expect");

    private static final Set<String> OURS = Set.of("e2b-sandbox-id", "e2b-sandbox-port", "e2b-traffic-access-token");

    private final List<String> apiKeys;

    /**
     * A relay.
     *
     * @param apiKeys of this server; they never enter a room
     */
    public PortRelay(List<String> apiKeys) {
        this.apiKeys = List.copyOf(apiKeys);
    }

    /**
     * Relays one exchange; returns when it is over.
     *
     * @throws UpstreamException what the server in the room sends is not HTTP
     */
    public void handle(Exchange exchange, Sandbox sandbox, PortConnection connection)
            throws IOException, InterruptedException {
        exchange.onClose(connection::close);
        try (connection) {
            var out = Channels.newOutputStream(connection);
            var upgrade = upgrade(exchange);
            var chunked = exchange.header("Transfer-Encoding") != null;
            out.write(head(exchange, sandbox, upgrade, chunked).getBytes(StandardCharsets.UTF_8));
            var uploader = Thread.ofVirtual()
                    .name("relay-" + sandbox.id() + "-body")
                    .start(() -> upload(exchange, connection, out, chunked));
            try {
                var in = new UpstreamReader(Channels.newInputStream(connection));
                var answer = in.head();
                while (answer.status() >= 100 && answer.status() < 200 && answer.status() != 101) {
                    answer = in.head();
                }
                if (answer.status() == 101) {
                    uploader.join();
                    tunnel(exchange, answer, in, out, connection, sandbox.id());
                } else {
                    answer(exchange, answer, in);
                }
            } finally {
                connection.close();
                uploader.interrupt();
            }
        }
    }

    private static boolean upgrade(Exchange exchange) {
        var connection = exchange.header("Connection");
        return exchange.header("Upgrade") != null
                && connection != null
                && connection.toLowerCase(Locale.ROOT).contains("upgrade");
    }

    private String head(Exchange exchange, Sandbox sandbox, boolean upgrade, boolean chunked) {
        var head = new StringBuilder(512);
        head.append(exchange.method()).append(' ').append(exchange.uri()).append(" HTTP/1.1\r\n");
        for (var header : exchange.headers()) {
            var name = header.getKey().toLowerCase(Locale.ROOT);
            if (!HOP.contains(name) && !OURS.contains(name) && !secret(header.getValue(), sandbox)) {
                head.append(header.getKey())
                        .append(": ")
                        .append(header.getValue())
                        .append("\r\n");
            }
        }
        if (chunked) {
            head.append("Transfer-Encoding: chunked\r\n");
        }
        if (upgrade) {
            head.append("Connection: Upgrade\r\nUpgrade: ")
                    .append(exchange.header("Upgrade"))
                    .append("\r\n");
        } else {
            head.append("Connection: close\r\n");
        }
        return head.append("\r\n").toString();
    }

    /** A server in the room may have keys of its own under the same names: only ours are held back. */
    private boolean secret(String value, Sandbox sandbox) {
        return apiKeys.contains(value)
                || sandbox.accessToken().filter(value::equals).isPresent();
    }

    /** Failures here are the answer's affair: a server may refuse a body and answer early. */
    private static void upload(Exchange exchange, PortConnection connection, OutputStream out, boolean chunked) {
        try {
            var in = exchange.body();
            var chunk = new byte[CHUNK];
            for (var count = in.read(chunk); count >= 0; count = in.read(chunk)) {
                if (chunked) {
                    out.write((Integer.toHexString(count) + "\r\n").getBytes(StandardCharsets.US_ASCII));
                }
                out.write(chunk, 0, count);
                if (chunked) {
                    out.write(new byte[] {'\r', '\n'});
                }
            }
            if (chunked) {
                out.write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            }
        } catch (IOException e) {
            return;
        } catch (RuntimeException e) {
            connection.close();
        }
    }

    private static void answer(Exchange exchange, UpstreamReader.Head answer, UpstreamReader in) throws IOException {
        pass(exchange, answer, false);
        var bodyless = exchange.method().equals("HEAD") || answer.status() == 204 || answer.status() == 304;
        if (bodyless) {
            if (exchange.method().equals("HEAD") && answer.length() >= 0) {
                exchange.set("Content-Length", Long.toString(answer.length()));
            }
            exchange.respondEmpty(answer.status());
            return;
        }
        var out = exchange.stream(answer.status(), answer.chunked() ? -1 : answer.length());
        out.sendHead();
        try (var body = in.body(answer)) {
            copy(body, out);
        } catch (IOException e) {
            exchange.reset();
            return;
        }
        out.end();
    }

    private static void pass(Exchange exchange, UpstreamReader.Head answer, boolean upgrade) {
        for (var header : answer.headers()) {
            var name = header.name().toLowerCase(Locale.ROOT);
            var hop = HOP.contains(name) && !(upgrade && (name.equals("upgrade") || name.equals("connection")));
            if (!hop && !name.equals("content-length")) {
                exchange.add(header.name(), header.value());
            }
        }
    }

    /** Raw bytes both ways until either side closes. */
    private static void tunnel(
            Exchange exchange,
            UpstreamReader.Head answer,
            UpstreamReader in,
            OutputStream out,
            PortConnection connection,
            String sandboxId)
            throws InterruptedException {
        pass(exchange, answer, true);
        var raw = exchange.upgrade();
        var up = Thread.ofVirtual().name("relay-" + sandboxId + "-up").start(() -> {
            try {
                copy(raw.in(), out);
                connection.endOutput();
            } catch (IOException | RuntimeException e) {
                connection.close();
            }
        });
        try {
            copy(in.rest(), raw.out());
        } catch (IOException | RuntimeException e) {
            // Either side closed: so does the other, below.
        } finally {
            raw.out().end();
            connection.close();
            up.join();
        }
    }

    private static void copy(InputStream in, OutputStream out) throws IOException {
        var chunk = new byte[CHUNK];
        for (var count = in.read(chunk); count >= 0; count = in.read(chunk)) {
            out.write(chunk, 0, count);
        }
    }
}
