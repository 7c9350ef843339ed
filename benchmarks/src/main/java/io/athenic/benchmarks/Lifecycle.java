package io.athenic.benchmarks;

import io.athenic.benchmarks.SandboxApi.Created;
import io.athenic.benchmarks.SandboxApi.Run;
import java.util.ArrayList;
import java.util.List;

/** Pausing, resuming, copying: one request at a time, of a sandbox that is used already. */
final class Lifecycle {
    private static final int WARM_UP = 100;
    private static final int PAUSES = 100;
    private static final int COPIES = 12;
    private static final int FORKS = 3;

    /** After a copy: it reaches the medium behind its maker's back, which must not slow the next one. */
    private static final long SETTLE_MILLIS = 700;

    private static final int MEGABYTES = 50;
    private static final String WRITE = """
            import os
            with open('/home/user/data.bin', 'wb') as file:
                for _ in range(%d):
                    file.write(os.urandom(1_000_000))
                file.flush()
                os.fsync(file.fileno())
            """.formatted(MEGABYTES);

    /** Two bytes of the data, far apart, and the sum that every sandbox is asked for. */
    private static final String READ = """
            file = open('/home/user/data.bin', 'rb')
            first = file.read(1)[0]
            _ = file.seek(-1, 2)
            (file.tell() + 1, first, file.read(1)[0], 1 + 1)
            """;

    private final SandboxApi sandboxes;

    Lifecycle(SandboxApi sandboxes) {
        this.sandboxes = sandboxes;
    }

    List<Measure> measure() {
        var measures = new ArrayList<>(pauses());
        measures.addAll(copies());
        return measures;
    }

    /** Each after a cell, so that the guests have just been at work; a variable shows that the memory was kept. */
    private List<Measure> pauses() {
        Created sandbox = sandboxes.create();
        try {
            sandboxes.run(sandbox, "n = 0");
            var resumes = new ArrayList<Double>();
            var firsts = new ArrayList<Double>();
            List<Double> pauses = Samples.millis(WARM_UP, PAUSES, () -> {
                long pause = Samples.nanos(() -> sandboxes.pause(sandbox));
                long resume = Samples.nanos(() -> sandboxes.resume(sandbox));
                Run run = sandboxes.run(sandbox, "n += 1\nn");
                resumes.add(resume / 1e6);
                firsts.add((resume + run.end()) / 1e6);
                Latency.check(run.result().equals(Integer.toString(resumes.size())), "n is " + run.result());
                return pause;
            });
            List<Double> http = Samples.millis(WARM_UP, PAUSES, () -> Samples.nanos(sandboxes::ping));
            return List.of(
                    Measure.of("HTTP alone, beside pause and resume", "ms", http),
                    Measure.of("pause, memory kept", "ms", pauses).atMost(5),
                    Measure.of("resume", "ms", counted(resumes, WARM_UP)).atMost(2),
                    Measure.of("resume to the result of a cell", "ms", counted(firsts, WARM_UP)));
        } finally {
            sandboxes.kill(sandbox);
        }
    }

    private List<Measure> copies() {
        Created sandbox = sandboxes.create();
        try {
            sandboxes.run(sandbox, WRITE);
            String data = sandboxes.run(sandbox, READ).result();
            Latency.check(data.startsWith("(" + MEGABYTES + "000000, "), "the data are " + data);
            var creates = new ArrayList<Double>();
            List<Double> snapshots = Samples.millis(2, COPIES, () -> {
                long start = System.nanoTime();
                String snapshot = sandboxes.snapshot(sandbox);
                long nanos = System.nanoTime() - start;
                creates.add(createFrom(snapshot, data));
                sandboxes.deleteSnapshot(snapshot);
                Samples.pause(SETTLE_MILLIS);
                return nanos;
            });
            List<Double> forks = Samples.millis(2, COPIES, () -> fork(sandbox, data));
            return List.of(
                    Measure.of("snapshot of " + MEGABYTES + " MB", "ms", snapshots)
                            .atMost(60),
                    Measure.of("create from that snapshot to a cell that reads of it", "ms", counted(creates, 2)),
                    Measure.of("fork into " + FORKS + " of a sandbox with " + MEGABYTES + " MB", "ms", forks));
        } finally {
            sandboxes.kill(sandbox);
        }
    }

    private double createFrom(String snapshot, String data) {
        long start = System.nanoTime();
        Created copy = sandboxes.create(snapshot);
        try {
            Run run = sandboxes.run(copy, READ);
            long nanos = System.nanoTime() - start;
            Latency.check(run.result().equals(data), "the copy has " + run.result());
            return nanos / 1e6;
        } finally {
            sandboxes.kill(copy);
        }
    }

    private long fork(Created sandbox, String data) {
        long start = System.nanoTime();
        List<Created> forks = sandboxes.fork(sandbox, FORKS);
        long nanos = System.nanoTime() - start;
        for (Created fork : forks) {
            String has = sandboxes.run(fork, READ).result();
            Latency.check(has.equals(data), "the fork has " + has);
            sandboxes.kill(fork);
        }
        Latency.check(forks.size() == FORKS, "there are " + forks.size() + " forks");
        Samples.pause(SETTLE_MILLIS);
        return nanos;
    }

    private static List<Double> counted(List<Double> samples, int warmUp) {
        return samples.subList(warmUp, samples.size());
    }
}
