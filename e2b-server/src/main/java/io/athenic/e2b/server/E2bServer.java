package io.athenic.e2b.server;

import io.athenic.e2b.protocol.ErrorBody;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.server.http.Door;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.engine.Engine;
import io.athenic.engine.template.TemplateBuilder;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.io.IOException;
import java.net.BindException;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The E2B API on one port. Vert.x reads and writes; every request is then plain blocking code on a virtual thread of its
 * own, of which there are at most {@link E2bServerConfig#maxRequests}.
 */
public final class E2bServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(E2bServer.class);
    private static final long START_SECONDS = 20;

    /** Longer than any keepalive: E2B's own value. */
    private static final int IDLE_SECONDS = 640;

    private static final int LINE_BYTES = 16 << 10;
    private static final int HEAD_BYTES = 32 << 10;

    private final HttpServer server;
    private final Dispatcher dispatcher;
    private final SandboxTraffic traffic;
    private final Semaphore places;
    private final Door door;
    private final AtomicLong requests = new AtomicLong();
    private final Set<Thread> running = ConcurrentHashMap.newKeySet();

    /**
     * Binds the port and serves; the caller keeps and closes Vert.x and the engine.
     *
     * @throws IOException the port cannot be bound
     */
    public static E2bServer start(Vertx vertx, E2bServerConfig config, Engine engine, InstantSource clock)
            throws IOException {
        return start(vertx, config, engine, clock, Optional.empty());
    }

    /** As {@link #start(Vertx, E2bServerConfig, Engine, InstantSource)}; with a builder templates can be built. */
    public static E2bServer start(
            Vertx vertx, E2bServerConfig config, Engine engine, InstantSource clock, Optional<TemplateBuilder> builder)
            throws IOException {
        var server = new E2bServer(vertx, config, engine, clock, builder);
        try {
            server.server.listen().toCompletionStage().toCompletableFuture().get(START_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            var cause = e.getCause();
            var address = config.host() + ":" + config.port();
            throw new IOException(
                    cause instanceof BindException
                            ? "cannot listen on " + address + ": " + cause.getMessage() + ". Is the port in use?"
                            : "cannot listen on " + address,
                    cause);
        } catch (TimeoutException e) {
            throw new IOException("the E2B API did not start within " + START_SECONDS + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while starting the E2B API", e);
        }
        return server;
    }

    private E2bServer(
            Vertx vertx,
            E2bServerConfig config,
            Engine engine,
            InstantSource clock,
            Optional<TemplateBuilder> builder) {
        this.places = new Semaphore(config.maxRequests());
        this.traffic = new SandboxTraffic(engine, config, clock);
        this.dispatcher = new Dispatcher(
                new HostPolicy(config.domain()), new ControlPlane(engine, config, clock, builder), traffic);
        this.door = new Door(
                vertx,
                Door.Bounds.of(config.maxConnections(), LINE_BYTES, HEAD_BYTES),
                (status, text) -> new String(Json.write(new ErrorBody(status, text)), StandardCharsets.UTF_8));
        var options = new HttpServerOptions()
                .setHost(config.host())
                .setPort(config.port())
                .setTcpNoDelay(true)
                .setHandle100ContinueAutomatically(true)
                .setHttp2ClearTextEnabled(false)
                .setMaxInitialLineLength(LINE_BYTES)
                .setMaxHeaderSize(HEAD_BYTES)
                .setMaxChunkSize(64 << 10)
                .setIdleTimeout(IDLE_SECONDS)
                .setIdleTimeoutUnit(TimeUnit.SECONDS);
        this.server = vertx.createHttpServer(options)
                .connectionHandler(door::admit)
                .requestHandler(request -> handle(request, vertx.getOrCreateContext()));
    }

    private void handle(HttpServerRequest request, Context context) {
        if (!places.tryAcquire()) {
            request.response()
                    .setStatusCode(429)
                    .putHeader("Retry-After", "1")
                    .putHeader("Content-Type", "application/json; charset=utf-8")
                    .end(Buffer.buffer("{\"code\":429,\"message\":\"too many requests are under way\"}"));
            return;
        }
        var exchange = new Exchange(request, context);
        var thread = Thread.ofVirtual()
                .name("e2b-" + requests.incrementAndGet())
                .unstarted(() -> {
                    try {
                        dispatcher.handle(exchange);
                    } finally {
                        running.remove(Thread.currentThread());
                        places.release();
                    }
                });
        running.add(thread);
        thread.start();
    }

    /** The port that is listened on. */
    public int port() {
        return server.actualPort();
    }

    /** Stops listening and cuts what is under way. */
    @Override
    public void close() {
        door.close();
        running.forEach(Thread::interrupt);
        traffic.close();
        try {
            server.close().toCompletionStage().toCompletableFuture().get(START_SECONDS, TimeUnit.SECONDS);
            for (var thread : running) {
                thread.join(TimeUnit.SECONDS.toMillis(5));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            LOG.warn("The E2B API did not stop cleanly", e);
        }
    }
}
