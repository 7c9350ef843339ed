package io.athenic.server;

import io.athenic.e2b.server.http.Door;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.ServerWebSocket;
import io.vertx.core.http.ServerWebSocketHandshake;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The HTTP server of port 4000: bounds of the protocol, the {@link EdgeGuard} before everything, one place that turns what nobody handled into an answer
 * (docs/PROTOCOL.md, section 8).
 */
final class HttpEdge implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HttpEdge.class);
    private static final int MAX_SOCKET_MESSAGE = 64 * 1024;
    private static final int MAX_CONNECTIONS = 2000;
    private static final int LINE_BYTES = 8 << 10;
    private static final int HEAD_BYTES = 16 << 10;

    private final Vertx vertx;
    private final EdgeGuard guard;
    private final Door door;
    private volatile @Nullable Handler<HttpServerRequest> requests;
    private volatile @Nullable Handler<ServerWebSocket> webSockets;
    private @Nullable HttpServer server;

    HttpEdge(Vertx vertx, EdgeGuard guard) {
        this.vertx = vertx;
        this.guard = guard;
        this.door = new Door(vertx, Door.Bounds.of(MAX_CONNECTIONS, LINE_BYTES, HEAD_BYTES), HttpEdge::refusal);
    }

    /** Listens, and answers 503 until {@link #serve} and from {@link #refuse} on; returns the port. */
    int listen(String host, int port) {
        var options = new HttpServerOptions()
                .setHost(host)
                .setPort(port)
                .setTcpNoDelay(true)
                .setHttp2ClearTextEnabled(false)
                .setMaxHeaderSize(HEAD_BYTES)
                .setMaxInitialLineLength(LINE_BYTES)
                .setMaxWebSocketMessageSize(MAX_SOCKET_MESSAGE)
                .setMaxWebSocketFrameSize(MAX_SOCKET_MESSAGE)
                // An /execute without output is silent for as long as its timeout may be.
                .setIdleTimeout(3660)
                .setIdleTimeoutUnit(TimeUnit.SECONDS)
                .setCompressionSupported(false);
        HttpServer fresh = vertx.createHttpServer(options)
                .connectionHandler(door::admit)
                .requestHandler(this::request)
                .webSocketHandshakeHandler(this::handshake)
                .webSocketHandler(this::webSocket);
        server = fresh;
        return Ports.explainBusy(
                port,
                () -> fresh.listen()
                        .toCompletionStage()
                        .toCompletableFuture()
                        .join()
                        .actualPort());
    }

    /** A router with the guard in front and the answers for what is left over. */
    Router router() {
        Router router = Router.router(vertx);
        router.route().handler(guard);
        router.errorHandler(
                404,
                context -> fail(
                        context,
                        404,
                        "not_found",
                        "There is nothing at " + shortened(context.request().path()) + "."));
        router.errorHandler(
                405,
                context -> fail(
                        context, 405, "method_not_allowed", context.request().method() + " is not possible here."));
        router.errorHandler(400, context -> fail(context, 400, "invalid_request", "The request is malformed."));
        router.errorHandler(413, context -> fail(context, 413, "too_large", "The body is larger than allowed."));
        router.errorHandler(500, context -> {
            @Nullable Throwable failure = context.failure();
            if (failure != null) {
                LOG.error(
                        "{} {} failed",
                        context.request().method(),
                        context.request().path(),
                        failure);
            }
            fail(context, 500, "internal", "Something went wrong in the server; its log says what.");
        });
        return router;
    }

    void serve(Router router, Handler<ServerWebSocket> sockets) {
        webSockets = sockets;
        requests = router;
    }

    /** Answers 503 again, since what stands behind is about to close: pages that are open somewhere go on asking. */
    void refuse() {
        requests = null;
        webSockets = null;
    }

    private void request(HttpServerRequest request) {
        Handler<HttpServerRequest> handler = requests;
        if (handler == null) {
            request.response()
                    .setStatusCode(503)
                    .putHeader("Retry-After", "1")
                    .putHeader("Content-Type", "application/json; charset=utf-8")
                    .end(error("sandbox_unavailable", "Athenic is starting or stopping: try again in a second."));
        } else {
            handler.handle(request);
        }
    }

    private void handshake(ServerWebSocketHandshake handshake) {
        String host = handshake.headers().get("Host");
        String origin = handshake.headers().get("Origin");
        if (guard.check(host, origin).isPresent()) {
            handshake.reject(403);
        } else if (webSockets == null) {
            handshake.reject(503);
        } else {
            handshake.accept();
        }
    }

    private void webSocket(ServerWebSocket socket) {
        Handler<ServerWebSocket> handler = webSockets;
        if (handler == null) {
            socket.close((short) 1013, "starting or stopping");
        } else {
            handler.handle(socket);
        }
    }

    private static void fail(RoutingContext context, int status, String code, String message) {
        if (!context.response().ended() && !context.response().headWritten()) {
            context.response()
                    .setStatusCode(status)
                    .putHeader("Content-Type", "application/json; charset=utf-8")
                    .end(error(code, message));
        }
    }

    private static String error(String code, String message) {
        return new JsonObject().put("error", message).put("code", code).encode();
    }

    private static String refusal(int status, String text) {
        return error(
                switch (status) {
                    case 413, 414, 431 -> "too_large";
                    case 503 -> "overloaded";
                    default -> "invalid_request";
                },
                text);
    }

    private static String shortened(@Nullable String path) {
        return path == null ? "?" : path.length() > 100 ? path.substring(0, 100) + "…" : path;
    }

    @Override
    public void close() {
        door.close();
        if (server != null) {
            server.shutdown(1, TimeUnit.SECONDS)
                    .toCompletionStage()
                    .toCompletableFuture()
                    .join();
        }
    }
}
