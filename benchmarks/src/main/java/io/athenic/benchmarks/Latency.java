package io.athenic.benchmarks;

import io.athenic.benchmarks.SandboxApi.Created;
import io.athenic.benchmarks.SandboxApi.Run;
import java.net.http.HttpClient;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** How long a client waits, one request at a time unless said. */
final class Latency {
    /** Between two creates, so that the pool has its sandbox back: what is measured is a create that finds one. */
    private static final long REFILL_MILLIS = 120;

    /** Creates before the first sample: the server has compiled half of its code by then. */
    private static final int WARMUP = 40;

    private static final String HOG =
            "import subprocess\nkept = [subprocess.Popen(['python3', '-c', 'while True: pass']) for _ in range(2)]";

    private final SandboxApi sandboxes;
    private final AppApi app;

    Latency(SandboxApi sandboxes, AppApi app) {
        this.sandboxes = sandboxes;
        this.app = app;
    }

    /** Create to the first result, and destroy. */
    List<Measure> pooled(int count) {
        var destroys = new ArrayList<Double>();
        List<Double> creates = createToResult(WARMUP, count, REFILL_MILLIS, destroys);
        return List.of(
                Measure.of("create (pooled) to the result of 1+1", "ms", creates)
                        .atMost(8)
                        .p95AtMost(25),
                Measure.of("destroy", "ms", destroys.subList(WARMUP, destroys.size()))
                        .atMost(20));
    }

    /** As {@link #pooled}, by a client that costs more than the server. */
    Measure pooledByHttpClient(int count) {
        try (var client =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
            var latency = new Latency(sandboxes.by(Transport.by(client)), app);
            return Measure.of(
                    "create (pooled) to the result of 1+1, by the JVM's HttpClient",
                    "ms",
                    latency.createToResult(WARMUP, count, REFILL_MILLIS, new ArrayList<>()));
        }
    }

    Measure unpooled(int count) {
        return Measure.of("create (no pool) to the result of 1+1", "ms", createToResult(5, count, 0, new ArrayList<>()))
                .atMost(60);
    }

    /** With other sandboxes alive; compared with the median of {@code alone}. */
    Measure createAmong(int alive, int count) {
        return Measure.of(
                "create (pooled) to 1+1 at " + alive + " alive",
                "ms",
                createToResult(WARMUP, count, REFILL_MILLIS, new ArrayList<>()));
    }

    private List<Double> createToResult(int warmup, int count, long rest, List<Double> destroys) {
        return Samples.millis(warmup, count, () -> {
            long start = System.nanoTime();
            Created sandbox = sandboxes.create();
            Run run = sandboxes.run(sandbox, "1+1");
            long nanos = System.nanoTime() - start;
            check(run.result().equals("2"), "1+1 is not " + run.result());
            destroys.add(Samples.nanos(() -> sandboxes.kill(sandbox)) / 1e6);
            Samples.pause(rest);
            return nanos;
        });
    }

    /** A sandbox that is used already, by both ports; the difference is the hop between them. */
    List<Measure> warm(int count) {
        Created sandbox = sandboxes.create();
        try {
            List<Double> http = Samples.millis(200, count, () -> Samples.nanos(sandboxes::ping));
            List<Double> direct = Samples.millis(
                    400, count, () -> sandboxes.run(sandbox, "1+1").end());
            Map<String, String> request = Map.of("code", "1+1", "sandboxId", sandbox.id());
            List<Double> through = Samples.millis(400, count, () -> Samples.nanos(() -> app.post("/execute", request)));
            List<Double> first = Samples.millis(5, 50, () -> {
                long nanos = sandboxes.firstOutput(sandbox, "import time\nprint('first')\ntime.sleep(30)");
                sandboxes.run(sandbox, "None"); // the interrupt of the sleeping cell is not the next sample's matter
                return nanos;
            });
            Measure viaE2b = Measure.of("warm 1+1 (E2B port)", "ms", direct).atMost(2);
            Measure viaApp = Measure.of("warm 1+1 (POST /execute)", "ms", through);
            return List.of(
                    Measure.of("HTTP alone: GET /health (E2B port)", "ms", http),
                    viaE2b,
                    viaApp,
                    Measure.of(
                            "hop through execution and SDK (difference of the medians)",
                            "ms",
                            viaApp.median() - viaE2b.median()),
                    Measure.of("first line of a cell that then sleeps", "ms", first)
                            .atMost(5));
        } finally {
            sandboxes.kill(sandbox);
        }
    }

    /** A tenant's own cells while others' sandboxes each keep two processes busy: alone, and beside them. */
    List<Measure> besideHogs(int hogs, int count) {
        Created tenant = sandboxes.create();
        var busy = new ArrayList<Created>();
        try {
            List<Double> alone = Samples.millis(
                    200, count, () -> sandboxes.run(tenant, "1+1").end());
            for (int i = 0; i < hogs; i++) {
                Created hog = sandboxes.create();
                busy.add(hog);
                sandboxes.run(hog, HOG);
            }
            List<Double> beside =
                    Samples.millis(20, count, () -> sandboxes.run(tenant, "1+1").end());
            return List.of(
                    Measure.of("warm 1+1, nobody else busy", "ms", alone),
                    Measure.of("warm 1+1 beside " + hogs + " sandboxes that use all they may", "ms", beside));
        } finally {
            busy.forEach(sandboxes::kill);
            sandboxes.kill(tenant);
        }
    }

    /** Many creates at once: time until all have their first result. */
    Measure burst(int creates, int rounds) {
        var seconds = new ArrayList<Double>();
        for (int round = 0; round < rounds; round++) {
            var made = new ArrayList<Created>();
            long start = System.nanoTime();
            try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
                Callable<Created> one = () -> {
                    Created sandbox = sandboxes.create();
                    sandboxes.run(sandbox, "1+1");
                    return sandbox;
                };
                List<Future<Created>> futures = java.util.stream.Stream.generate(() -> threads.submit(one))
                        .limit(creates)
                        .toList();
                for (Future<Created> future : futures) {
                    made.add(future.get());
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted", e);
            } catch (ExecutionException e) {
                throw new IllegalStateException("a create of the burst failed", e);
            }
            seconds.add((System.nanoTime() - start) / 1e9);
            made.forEach(sandboxes::kill);
        }
        // SPECIFICATION promises 50 in 3 s; the same rate is asked of any number.
        return Measure.of("burst of " + creates + " creates, all with 1+1", "s", seconds)
                .atMost(3.0 * creates / 50);
    }

    /** One after the other, as fast as they go, each killed at once. */
    Measure sustained(int count) {
        long start = System.nanoTime();
        for (int i = 0; i < count; i++) {
            Created sandbox = sandboxes.create();
            sandboxes.run(sandbox, "1+1");
            sandboxes.kill(sandbox);
        }
        return Measure.of("sustained create, 1+1, destroy", "1/s", count / ((System.nanoTime() - start) / 1e9))
                .atLeast(20);
    }

    static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }
}
