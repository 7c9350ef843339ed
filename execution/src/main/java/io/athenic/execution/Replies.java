package io.athenic.execution;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClosedException;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import io.vertx.ext.web.RoutingContext;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers of the endpoints, and the one place where failures become status and error body. */
final class Replies {
    private static final Logger LOG = LoggerFactory.getLogger(Replies.class);
    private static final String RETRY_AFTER_SECONDS = "2";

    private Replies() {}

    static void json(RoutingContext request, int status, ObjectNode body) {
        HttpServerResponse response = request.response();
        if (response.ended() || response.closed()) {
            return;
        }
        byte[] bytes;
        try {
            bytes = Json.MAPPER.writeValueAsBytes(body);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a JSON tree can be written", e);
        }
        var ignored = response.setStatusCode(status)
                .putHeader("Content-Type", "application/json; charset=utf-8")
                .putHeader("Cache-Control", "no-store")
                .end(Buffer.buffer(bytes));
    }

    static void failure(RoutingContext request, Throwable failure) {
        switch (failure) {
            case ApiException e -> error(request, e.code(), String.valueOf(e.getMessage()));
            // The client hung up within its request: nobody's fault, and nobody is left to answer.
            case HttpClosedException e ->
                LOG.debug(
                        "request {} {}: {}",
                        request.request().method(),
                        request.request().path(),
                        e.getMessage());
            default -> {
                String id = UUID.randomUUID().toString();
                LOG.error(
                        "request {} {} failed by our fault ({})",
                        request.request().method(),
                        request.request().path(),
                        id,
                        failure);
                error(
                        request,
                        ErrorCode.INTERNAL,
                        "The request failed by a fault of the service; its log has the id " + id);
            }
        }
    }

    static void error(RoutingContext request, ErrorCode code, String text) {
        if (code == ErrorCode.OVERLOADED && !request.response().headWritten()) {
            var ignored = request.response().putHeader("Retry-After", RETRY_AFTER_SECONDS);
        }
        json(request, code.status(), Json.object().put("error", text).put("code", code.wire()));
    }

    /** What Vert.x itself refuses: a body that is too large, a method that has no route. */
    static void ofStatus(RoutingContext request) {
        Throwable failure = request.failure();
        switch (request.statusCode()) {
            case 413 -> {
                closeAfter(request);
                error(
                        request,
                        ErrorCode.TOO_LARGE,
                        "The body is larger than 1 MiB: send less, or upload a file to the sandbox.");
            }
            case 400 -> error(request, ErrorCode.INVALID_REQUEST, "The request is malformed.");
            default ->
                failure(
                        request,
                        failure == null ? new IllegalStateException("status " + request.statusCode()) : failure);
        }
    }

    /** For a refusal before the body was read: the rest of it is not read either, so the connection cannot be used again. */
    static void closeAfter(RoutingContext request) {
        if (request.request().version() != HttpVersion.HTTP_2) {
            var ignored = request.response().putHeader("Connection", "close");
        }
    }
}
