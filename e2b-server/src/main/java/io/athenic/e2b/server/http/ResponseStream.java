package io.athenic.e2b.server.http;

import io.vertx.core.Context;
import io.vertx.core.http.HttpServerResponse;

/** The body of an answer. */
public final class ResponseStream extends ByteSink {
    private final HttpServerResponse response;
    private final Context context;

    ResponseStream(HttpServerResponse response, Context context, Runnable reset) {
        super(response, context, reset);
        this.response = response;
        this.context = context;
    }

    /** Sends the head of the answer at once, before any byte of its body. */
    public void sendHead() {
        context.runOnContext(nothing -> {
            if (!response.headWritten() && !response.closed()) {
                response.writeHead();
            }
        });
    }
}
