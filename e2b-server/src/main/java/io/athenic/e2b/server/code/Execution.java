package io.athenic.e2b.server.code;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.e2b.protocol.CodeEvent;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.server.http.BatchedWriter;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.engine.CodeStream;
import io.athenic.engine.KernelEvent;
import java.time.Duration;
import java.time.InstantSource;

/**
 * One execution as a stream of JSON lines. The head goes out at once, since the SDKs time it; a line of keepalive after
 * five silent seconds. A client that closes its connection interrupts the code at once; the context stays usable and
 * the next execution waits only for the interrupt.
 */
final class Execution {
    private static final Duration KEEPALIVE = Duration.ofSeconds(5);

    private Execution() {}

    /** @param durable the code goes on without the client, and each line says the position that it reaches */
    static void run(Exchange exchange, CodeStream stream, InstantSource clock, boolean durable)
            throws InterruptedException {
        Runnable end = durable ? stream::leave : stream::close;
        try {
            exchange.onClose(end);
            exchange.set("Content-Type", "application/x-ndjson; charset=utf-8").set("Cache-Control", "no-store");
            var out = exchange.stream(200, -1);
            out.sendHead();
            var lines = new BatchedWriter(out);
            while (true) {
                var event = stream.next(lines.patience(KEEPALIVE));
                if (event == null) {
                    if (!lines.flush()) {
                        lines.add(new CodeEvent.KeepAlive().line());
                        lines.flush();
                    }
                    continue;
                }
                lines.add(wire(event, clock).line(durable ? stream.position() : 0));
                if (event instanceof KernelEvent.Finished) {
                    lines.flush();
                    out.end();
                    return;
                }
            }
        } finally {
            end.run();
        }
    }

    private static CodeEvent wire(KernelEvent event, InstantSource clock) {
        return switch (event) {
            case KernelEvent.Accepted e -> new CodeEvent.Accepted(e.executionCount());
            case KernelEvent.Stdout e -> new CodeEvent.Stdout(e.text(), clock.instant());
            case KernelEvent.Stderr e -> new CodeEvent.Stderr(e.text(), clock.instant());
            case KernelEvent.Result e ->
                new CodeEvent.Result(e.main(), e.formats() instanceof ObjectNode formats ? formats : Json.object());
            case KernelEvent.Failed e -> new CodeEvent.Failed(e.name(), e.value(), e.traceback());
            case KernelEvent.Finished _ -> new CodeEvent.Ended();
        };
    }
}
