package io.athenic.e2b.server.http;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.athenic.e2b.protocol.ErrorBody;
import io.athenic.e2b.protocol.Json;
import io.vertx.core.Context;
import io.vertx.core.MultiMap;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One request and its answer, for blocking code on one virtual thread. Everything that touches Vert.x runs on the
 * request's event loop; what is read here was captured when the request arrived.
 */
public final class Exchange {
    private static final long BODY_IDLE_SECONDS = 60;
    private static final int LARGE = 256 << 10;
    private static final int PIECE = 64 << 10;

    /** An upgraded connection may be silent for as long as its owners like; the server's own idle time is shorter. */
    private static final long RAW_IDLE_SECONDS = 3600;

    private final HttpServerRequest request;
    private final HttpServerResponse response;
    private final Context context;
    private final BodyStream body;
    private final ResponseStream out;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final List<Runnable> onClose = new ArrayList<>();

    @GuardedBy("lock")
    private boolean closed;

    private volatile boolean answered;
    private volatile boolean upgraded;

    /** Runs on the request's event loop, in its handler. */
    public Exchange(HttpServerRequest request, Context context) {
        this.request = request;
        this.response = request.response();
        this.context = context;
        this.out = new ResponseStream(response, context, this::reset);
        this.body = new BodyStream(request, context, request.connection()::close, BODY_IDLE_SECONDS);
        response.closeHandler(nothing -> clientGone());
        response.exceptionHandler(failure -> clientGone());
    }

    public String method() {
        return request.method().name();
    }

    /** The path as sent, still percent-encoded; never null. */
    public String path() {
        var path = request.path();
        return path == null ? "/" : path;
    }

    /** Path and query as sent. */
    public String uri() {
        return request.uri();
    }

    public @Nullable String header(String name) {
        return request.getHeader(name);
    }

    public MultiMap headers() {
        return request.headers();
    }

    public Optional<String> query(String name) {
        return Optional.ofNullable(request.params().get(name));
    }

    /** The {@code Host} header; empty when there is none. */
    public String host() {
        var host = request.getHeader("Host");
        return host == null ? "" : host;
    }

    public InputStream body() {
        return body;
    }

    /** The body may come slowly, as somebody types it; without a byte for {@link #BODY_IDLE_SECONDS} it is given up all the same. */
    public void patientBody() {
        ConnectionGuard.patient(request.connection());
    }

    /**
     * The whole body.
     *
     * @throws HttpFailure 413 when it is longer than {@code max} bytes
     */
    public byte[] body(int max) throws IOException {
        var length = header("Content-Length");
        if (length != null && (length.length() > 9 || Long.parseLong(length) > max)) {
            throw tooLarge(max);
        }
        var bytes = body.readNBytes(max + 1);
        if (bytes.length > max) {
            throw tooLarge(max);
        }
        return bytes;
    }

    /**
     * The whole body, which must call itself JSON unless it is empty: a form or a plain request of a foreign page, which the browser sends unasked, cannot.
     *
     * @throws HttpFailure 415, or 413 when it is longer than {@code max} bytes
     */
    public byte[] jsonBody(int max) throws IOException {
        var bytes = body(max);
        var type = header("Content-Type");
        var kind = type == null ? "" : type.split(";", 2)[0].strip();
        if (bytes.length > 0 && !kind.equalsIgnoreCase("application/json")) {
            throw new HttpFailure(
                    415,
                    "the header Content-Type must be application/json, "
                            + (kind.isEmpty() ? "and is missing" : "not " + kind));
        }
        return bytes;
    }

    private static HttpFailure tooLarge(int max) {
        return new HttpFailure(413, "the body is larger than " + max + " bytes");
    }

    /** A header of the answer; only before it is begun. */
    public Exchange set(String name, String value) {
        response.putHeader(name, value);
        return this;
    }

    /** One more header of that name in the answer. */
    public Exchange add(String name, String value) {
        response.headers().add(name, value);
        return this;
    }

    /** A complete answer. A large one is written as its client reads it, so that it does not wait in memory for one that does not. */
    public void respond(int status, String contentType, byte[] bytes) {
        answered = true;
        if (bytes.length > LARGE) {
            body.discardRest();
            response.putHeader("Content-Type", contentType);
            var sink = stream(status, bytes.length);
            for (var at = 0; at < bytes.length; at += PIECE) {
                sink.write(bytes, at, Math.min(PIECE, bytes.length - at));
            }
            sink.end();
            return;
        }
        context.runOnContext(nothing -> {
            if (response.headWritten()) {
                return;
            }
            response.setStatusCode(status).putHeader("Content-Type", contentType);
            response.end(Buffer.buffer(bytes));
        });
        body.discardRest();
    }

    public void respondJson(int status, Object value) {
        respond(status, "application/json; charset=utf-8", Json.write(value));
    }

    public void respondError(int status, String message) {
        respondJson(status, new ErrorBody(status, message));
    }

    public void respondText(int status, String text) {
        respond(status, "text/plain; charset=utf-8", text.getBytes(StandardCharsets.UTF_8));
    }

    /** An answer without a body. */
    public void respondEmpty(int status) {
        answered = true;
        context.runOnContext(nothing -> {
            if (!response.headWritten()) {
                response.setStatusCode(status).end();
            }
        });
        body.discardRest();
    }

    /**
     * Begins an answer whose body is written piece by piece.
     *
     * @param length of the body in bytes, negative: not known, chunked
     */
    public ResponseStream stream(int status, long length) {
        answered = true;
        response.setStatusCode(status);
        if (length < 0) {
            response.setChunked(true);
        } else {
            response.putHeader("Content-Length", Long.toString(length));
        }
        return out;
    }

    /** Whether an answer was begun. */
    public boolean answered() {
        return answered;
    }

    /** Runs once when the client closes its connection before the answer is complete; at once if it has already. */
    public void onClose(Runnable action) {
        lock.lock();
        try {
            if (!closed) {
                onClose.add(action);
                return;
            }
        } finally {
            lock.unlock();
        }
        action.run();
    }

    public boolean closed() {
        lock.lock();
        try {
            return closed;
        } finally {
            lock.unlock();
        }
    }

    private void clientGone() {
        List<Runnable> actions;
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            actions = List.copyOf(onClose);
            onClose.clear();
        } finally {
            lock.unlock();
        }
        body.clientGone();
        out.clientGone();
        for (var action : actions) {
            Thread.ofVirtual().name("client-gone").start(action);
        }
    }

    /**
     * Cuts the connection: what was sent is not an answer, and the client can tell. Where the answer is complete nothing is cut: the client
     * may have its next request on the connection already.
     */
    public void reset() {
        answered = true;
        context.runOnContext(nothing -> {
            if (upgraded || !response.ended()) {
                request.connection().close();
            }
        });
    }

    /** Both directions of a connection that is no longer HTTP. */
    public record Raw(InputStream in, ByteSink out) {}

    /** Turns the connection into raw bytes after a 101 with the headers set so far. */
    public Raw upgrade() {
        answered = true;
        upgraded = true;
        response.setStatusCode(101);
        var raw = new CompletableFuture<Raw>();
        context.runOnContext(nothing -> request.toNetSocket().onComplete(done -> {
            if (done.failed()) {
                raw.completeExceptionally(done.cause());
                return;
            }
            var socket = done.result();
            var in = new BodyStream(socket, context, socket::close, RAW_IDLE_SECONDS);
            var sink = new ByteSink(socket, context, socket::close);
            socket.closeHandler(closed -> {
                in.clientGone();
                sink.clientGone();
            });
            raw.complete(new Raw(in, sink));
        }));
        try {
            return raw.get(30, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ClientGoneException("interrupted while upgrading a connection");
        } catch (ExecutionException | TimeoutException e) {
            throw new ClientGoneException("the connection could not be upgraded");
        }
    }
}
