package io.athenic.execution;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.time.Duration;

/** The output of an execution as plain text; of one that runs: until its end. */
final class OutputText {
    private static final Duration POLL = Duration.ofSeconds(5);

    /** A client that takes nothing for so long is given up. */
    private static final Duration SLOWEST_CLIENT = Duration.ofMinutes(2);

    private static final int WINDOW_BYTES = 256 << 10;

    private OutputText() {}

    /** Preconditions: on a virtual thread. Returns when all was sent, or the client is gone. */
    static void send(RoutingContext request, EventLog log) throws InterruptedException {
        HttpServerResponse response = request.response();
        response.setChunked(true).putHeader("Content-Type", "text/plain; charset=utf-8");
        response.putHeader("Cache-Control", "no-store").putHeader("X-Content-Type-Options", "nosniff");
        var window = new WriteWindow(WINDOW_BYTES);
        try (LogReader reader = log.readAfter(0)) {
            while (!reader.atEnd() && !response.closed()) {
                LogItem item = reader.next(POLL);
                String text = item == null ? "" : textOf(item.event());
                if (!text.isEmpty()) {
                    Buffer bytes = Buffer.buffer(text);
                    if (!window.write(bytes.length(), SLOWEST_CLIENT, () -> response.write(bytes))) {
                        var ignored = response.reset();
                        return;
                    }
                }
            }
        }
        var ignored = response.end();
    }

    private static String textOf(ExecutionEvent event) {
        return switch (event) {
            case ExecutionEvent.Stdout out -> out.text();
            case ExecutionEvent.Stderr err -> err.text();
            case ExecutionEvent.Truncated gap ->
                "[… events " + gap.from() + " to " + gap.to() + " are no longer kept: " + gap.why() + " …]\n";
            case ExecutionEvent.Status _ -> "";
            case ExecutionEvent.Result _ -> "";
            case ExecutionEvent.Summary _ -> "";
            case ExecutionEvent.Failed _ -> "";
        };
    }
}
