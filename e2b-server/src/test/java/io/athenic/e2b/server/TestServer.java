package io.athenic.e2b.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.athenic.e2b.protocol.E2b;
import io.athenic.engine.Sandbox;
import io.athenic.engine.SandboxSpec;
import io.athenic.engine.testing.EngineExtension;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** The E2B API over a real engine, for a test class; registered after its {@link EngineExtension}. */
public final class TestServer implements BeforeAllCallback, AfterAllCallback {
    public static final String KEY = "e2b_0123456789abcdef0123456789abcdef01234567";
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final EngineExtension engine;
    private final int maxRequests;
    private final Vertx vertx = Vertx.vertx();
    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(PATIENCE)
            .build();
    private @Nullable E2bServer server;

    public TestServer(EngineExtension engine) {
        this(engine, 1000);
    }

    public TestServer(EngineExtension engine, int maxRequests) {
        this.engine = engine;
        this.maxRequests = maxRequests;
    }

    @Override
    public void beforeAll(ExtensionContext context) throws IOException {
        var config = new E2bServerConfig(
                "127.0.0.1",
                0,
                List.of(KEY),
                Optional.of("e2b.example"),
                maxRequests,
                200,
                100 << 20,
                Duration.ofHours(24));
        server = E2bServer.start(
                vertx, config, engine.engine(), (InstantSource) engine.fixture().clock());
    }

    @Override
    public void afterAll(ExtensionContext context) {
        client.shutdownNow(); // a close would wait for what a failed test left open
        if (server != null) {
            server.close();
        }
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }

    public int port() {
        if (server == null) {
            throw new IllegalStateException("the server is started before the first test");
        }
        return server.port();
    }

    public URI uri(String path) {
        return URI.create("http://127.0.0.1:" + port() + path);
    }

    /** A secure sandbox for five minutes. */
    public Sandbox sandbox() {
        return engine.engine().create(SandboxSpec.of("base", Duration.ofMinutes(5)));
    }

    public Sandbox openSandbox() {
        return engine.engine()
                .create(new SandboxSpec("base", Duration.ofMinutes(5), Map.of(), Map.of(), false, true, null));
    }

    /** A request with headers given as name, value, name, value. */
    public HttpRequest.Builder request(String path, String... headers) {
        var request = HttpRequest.newBuilder(uri(path)).timeout(PATIENCE);
        if (headers.length > 0) {
            request.headers(headers);
        }
        return request;
    }

    /** The headers that lead to a port of a sandbox, with its token. */
    public HttpRequest.Builder to(Sandbox sandbox, int port, String path) {
        var request =
                request(path, E2b.HEADER_SANDBOX_ID, sandbox.id(), E2b.HEADER_SANDBOX_PORT, Integer.toString(port));
        sandbox.accessToken().ifPresent(token -> request.header(E2b.HEADER_ACCESS_TOKEN, token));
        return request;
    }

    /** A call of the control plane with the key. */
    public HttpResponse<String> control(String method, String path, String body) {
        return text(request(path, E2b.HEADER_API_KEY, KEY, "Content-Type", E2b.JSON)
                .method(method, HttpRequest.BodyPublishers.ofString(body)));
    }

    public HttpResponse<String> text(HttpRequest.Builder request) {
        return send(request, HttpResponse.BodyHandlers.ofString());
    }

    public HttpResponse<byte[]> bytes(HttpRequest.Builder request) {
        return send(request, HttpResponse.BodyHandlers.ofByteArray());
    }

    public HttpResponse<InputStream> stream(HttpRequest.Builder request) {
        return send(request, HttpResponse.BodyHandlers.ofInputStream());
    }

    public CompletableFuture<HttpResponse<String>> async(HttpRequest.Builder request) {
        return client.sendAsync(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    public HttpClient client() {
        return client;
    }

    private <T> HttpResponse<T> send(HttpRequest.Builder request, HttpResponse.BodyHandler<T> handler) {
        try {
            return client.send(request.build(), handler);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** A connection for bytes that no HTTP client would send. */
    public Socket raw(String head) throws IOException {
        var socket = new Socket(InetAddress.getLoopbackAddress(), port());
        socket.setSoTimeout((int) PATIENCE.toMillis());
        socket.getOutputStream().write(head.getBytes(UTF_8));
        return socket;
    }

    /** The first line of the answer to such bytes. */
    public String statusOf(String head) throws IOException {
        try (var socket = raw(head)) {
            var line = new StringBuilder();
            for (var b = socket.getInputStream().read();
                    b >= 0 && b != '\r';
                    b = socket.getInputStream().read()) {
                line.append((char) b);
            }
            return line.toString();
        }
    }
}
