package io.athenic.e2b.server;

import io.athenic.e2b.protocol.SandboxMetric;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.Engine;
import io.athenic.engine.EngineException;
import io.athenic.engine.Sandbox;
import io.athenic.engine.UseSample;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The engine's samples of sandboxes, one every five seconds of the last hour, as E2B tells them. */
final class Metrics {
    private static final int MOST_SANDBOXES = 100;

    private Metrics() {}

    /** Those of the range that the request asks for; without one, all. */
    static List<SandboxMetric> of(Sandbox sandbox, Exchange exchange) {
        var start = second(exchange, "start", 0);
        var end = second(exchange, "end", Long.MAX_VALUE);
        if (start > end) {
            throw new HttpFailure(400, "start is after end");
        }
        return sandbox.samples().stream()
                .filter(sample ->
                        sample.at().getEpochSecond() >= start && sample.at().getEpochSecond() <= end)
                .map(sample -> wire(sandbox, sample))
                .toList();
    }

    /** {@code GET /sandboxes/metrics}: the newest sample of each; unknown sandboxes are left out. */
    static Map<String, Map<String, SandboxMetric>> newest(Engine engine, Exchange exchange) {
        var ids = List.of(exchange.query("sandbox_ids").orElse("").split(","));
        if (ids.size() > MOST_SANDBOXES || ids.getFirst().isEmpty()) {
            throw new HttpFailure(
                    400, "sandbox_ids must be 1 to " + MOST_SANDBOXES + " sandbox ids with commas between");
        }
        var found = new LinkedHashMap<String, SandboxMetric>();
        for (var id : ids) {
            engine.find(id).ifPresent(sandbox -> {
                try {
                    var samples = sandbox.samples();
                    if (!samples.isEmpty()) {
                        found.put(id, wire(sandbox, samples.getLast()));
                    }
                } catch (EngineException e) {
                    // it has just ended
                }
            });
        }
        return Map.of("sandboxes", found);
    }

    private static SandboxMetric wire(Sandbox sandbox, UseSample sample) {
        return new SandboxMetric(
                sample.at(),
                sample.at().getEpochSecond(),
                SandboxViews.cpuCount(sandbox),
                sample.cpuPercent(),
                sample.memoryBytes(),
                sandbox.limits().memoryBytes(),
                0,
                sample.diskUsedBytes(),
                sample.diskTotalBytes());
    }

    private static long second(Exchange exchange, String name, long otherwise) {
        var text = exchange.query(name).orElse("");
        if (text.isEmpty()) {
            return otherwise;
        }
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new HttpFailure(400, name + " is not a time in seconds since the epoch");
        }
    }
}
