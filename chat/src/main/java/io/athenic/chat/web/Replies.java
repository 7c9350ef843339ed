package io.athenic.chat.web;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.chat.store.NoSuchThreadException;
import io.athenic.chat.thread.ChatJson;
import io.athenic.execution.ApiException;
import io.athenic.execution.ErrorCode;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.sql.SQLException;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers. */
final class Replies {

    private static final Logger LOG = LoggerFactory.getLogger(Replies.class);

    private Replies() {}

    static void json(RoutingContext context, int status, ObjectNode body) {
        HttpServerResponse response = context.response();
        if (response.ended() || response.closed() || response.headWritten()) {
            return;
        }
        response.setStatusCode(status)
                .putHeader("Content-Type", "application/json; charset=utf-8")
                .putHeader("Cache-Control", "no-store")
                .end(ChatJson.text(body));
    }

    /** The one place where failures become answers. */
    static void failure(RoutingContext context, Throwable failure) {
        if (failure instanceof ApiException refused) {
            error(context, refused.code(), String.valueOf(refused.getMessage()));
            return;
        }
        if (failure instanceof NoSuchThreadException) { // deleted while the request was under way
            error(context, ErrorCode.NOT_FOUND, "There is no such thread any more.");
            return;
        }
        if (diskFull(failure)) {
            error(
                    context,
                    ErrorCode.OVERLOADED,
                    "The disk of the data folder is full: free space on it and try again.");
            return;
        }
        String id = UUID.randomUUID().toString();
        LOG.error(
                "request {} {} failed ({})",
                context.request().method(),
                context.request().path(),
                id,
                failure);
        error(
                context,
                ErrorCode.INTERNAL,
                "Something went wrong on our side; the log has the details under " + id + ".");
    }

    /** SQLite's and PostgreSQL's ways to say it. */
    static boolean diskFull(Throwable failure) {
        @Nullable Throwable cause = failure;
        for (int depth = 0; cause != null && depth < 10; depth++) {
            if (cause instanceof SQLException sql
                    && ("53100".equals(sql.getSQLState())
                            || String.valueOf(sql.getMessage()).contains("SQLITE_FULL"))) {
                return true;
            }
            cause = cause.getCause();
        }
        return false;
    }

    private static void error(RoutingContext context, ErrorCode code, String message) {
        if (code == ErrorCode.OVERLOADED && !context.response().headWritten()) {
            context.response().putHeader("Retry-After", "5");
        }
        json(context, code.status(), ChatJson.object().put("error", message).put("code", code.wire()));
    }
}
