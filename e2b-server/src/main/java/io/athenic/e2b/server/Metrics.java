package io.athenic.e2b.server;

import io.athenic.e2b.protocol.SandboxMetric;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.Sandbox;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;

/** Samples of a sandbox's use, taken when asked: no history is kept, so a range in the past is empty. */
final class Metrics {
    private record Cpu(long micros, long nanoTime) {}

    private final InstantSource clock;

    /** The last sample of each sandbox that was asked about, to know its use since then. */
    private final ConcurrentHashMap<String, Cpu> last = new ConcurrentHashMap<>();

    Metrics(InstantSource clock) {
        this.clock = clock;
    }

    List<SandboxMetric> of(Sandbox sandbox, Exchange exchange) {
        var now = clock.instant();
        if (second(exchange, "start", 0) > now.getEpochSecond()
                || second(exchange, "end", Long.MAX_VALUE) < now.getEpochSecond()) {
            return List.of();
        }
        var use = sandbox.use();
        var cores = SandboxViews.cpuCount(sandbox);
        var cpu = new Cpu(use.cpuMicros(), System.nanoTime());
        var before = last.put(sandbox.id(), cpu);
        if (before == null) {
            sandbox.onEnd(() -> last.remove(sandbox.id()));
        }
        var wallMicros = before == null
                ? sandbox.startedAt().until(now, ChronoUnit.MICROS)
                : (cpu.nanoTime - before.nanoTime) / 1000;
        var cpuMicros = cpu.micros - (before == null ? 0 : before.micros);
        var percent = wallMicros <= 0 ? 0 : Math.clamp(100.0 * cpuMicros / wallMicros / cores, 0, 100);
        return List.of(new SandboxMetric(
                now,
                now.getEpochSecond(),
                cores,
                Math.round(percent * 100) / 100.0,
                use.memoryBytes(),
                use.memoryLimitBytes(),
                0,
                use.diskUsedBytes(),
                use.diskTotalBytes()));
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
