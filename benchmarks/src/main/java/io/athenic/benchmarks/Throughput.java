package io.athenic.benchmarks;

import io.athenic.benchmarks.SandboxApi.Created;
import io.athenic.benchmarks.SandboxApi.Run;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** How much output passes, and what a flood of it costs the server. */
final class Throughput {
    private final SandboxApi sandboxes;
    private final AppApi app;

    Throughput(SandboxApi sandboxes, AppApi app) {
        this.sandboxes = sandboxes;
        this.app = app;
    }

    List<Measure> lines() {
        Created sandbox = sandboxes.create();
        try {
            return List.of(
                    lines(sandbox, "100,000 printed lines", "for i in range(100000): print(i)", 100_000, 8)
                            .atLeast(1_000_000),
                    lines(sandbox, "2,000 flushed lines", "for i in range(2000): print(i, flush=True)", 2_000, 20)
                            .atLeast(100_000));
        } finally {
            sandboxes.kill(sandbox);
        }
    }

    /** Lines in a second, from the request to the end of the execution; each run's text is compared byte by byte. */
    private Measure lines(Created sandbox, String name, String code, int count, int rounds) {
        String wanted = IntStream.range(0, count).mapToObj(i -> i + "\n").collect(Collectors.joining());
        var rates = new ArrayList<Double>();
        for (int round = -2; round < rounds; round++) {
            Run run = sandboxes.run(sandbox, code);
            Latency.check(run.stdout().equals(wanted), name + ": the output is not what was printed");
            if (round >= 0) {
                rates.add(count / (run.end() / 1e9));
            }
        }
        return Measure.of(name, "lines/s", rates);
    }

    /** A program that prints without end and that nobody reads: the server's memory, and how soon a cancel is through. */
    List<Measure> flood(long serverPid, int seconds) {
        long before = Machine.residentBytes(serverPid);
        String id = app.post(
                        "/execute-stream",
                        Map.of(
                                "code",
                                "while True: print(1)",
                                "clientId",
                                UUID.randomUUID().toString(),
                                "timeout",
                                120_000))
                .path("executionId")
                .asText();
        long highest = before;
        var health = new ArrayList<Double>();
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        while (System.nanoTime() < end) {
            health.add(Samples.nanos(() -> app.get("/health")) / 1e6);
            highest = Math.max(highest, Machine.residentBytes(serverPid));
            Samples.pause(50);
        }
        long cancelled = Samples.nanos(() -> {
            app.post("/executions/" + id + "/cancel", Map.of());
            while (!app.get("/executions/" + id).path("status").asText().equals("cancelled")) {
                Samples.pause(2);
            }
        });
        return List.of(
                Measure.of("flood for " + seconds + " s: server's memory before", "MiB", before / (double) (1 << 20)),
                Measure.of("flood for " + seconds + " s: server's memory at most", "MiB", highest / (double) (1 << 20))
                        .atMost(1024),
                Measure.of("flood: GET /health meanwhile", "ms", health),
                Measure.of("flood: from Stop to cancelled", "ms", cancelled / 1e6)
                        .atMost(1000));
    }
}
