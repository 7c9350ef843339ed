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
 * One execution as a stream of JSON lines. The answer of a short one goes out in one piece; after a tick of silence the head does, since
 * the SDKs time it; a line of keepalive after five silent seconds. A client that closes its connection interrupts the code at once; the context stays usable and
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
            var lines = new BatchedWriter(out);
            var begun = false;
            while (true) {
                var event = stream.next(begun ? lines.patience(KEEPALIVE) : BatchedWriter.TICK);
                if (event == null) {
                    if (!begun) {
                        out.sendHead();
                    } else if (!lines.flush()) {
                        lines.add(new CodeEvent.KeepAlive().line());
                        lines.flush();
                    }
                } else {
                    var line = wire(event, clock).line(durable ? stream.position() : 0);
                    switch (event) {
                        case KernelEvent.Accepted _ -> lines.addUnhurried(line);
                        case KernelEvent.Finished _ -> {
                            lines.end(line);
                            return;
                        }
                        default -> lines.add(line);
                    }
                }
                begun = true;
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
