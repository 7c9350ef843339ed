package io.athenic.benchmarks;

import io.athenic.benchmarks.SandboxApi.Created;
import io.athenic.e2e.product.Leftovers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What each of many living sandboxes costs. Every one has run a cell with pandas, since an unused one says little. */
final class Density implements AutoCloseable {
    private static final String PANDAS = "import pandas as pd\npd.DataFrame({'a': range(1000)}).describe()";

    private final SandboxApi sandboxes;
    private final Leftovers system;
    private final ArrayDeque<Created> alive = new ArrayDeque<>();
    private final long availableBefore = Machine.availableBytes();

    Density(SandboxApi sandboxes, Leftovers system) {
        this.sandboxes = sandboxes;
        this.system = system;
    }

    void growTo(int count) {
        while (alive.size() < count) {
            Created sandbox = sandboxes.create();
            alive.add(sandbox);
            sandboxes.run(sandbox, PANDAS);
        }
    }

    List<Measure> measure() {
        String at = " at " + alive.size() + " alive";
        List<Double> each =
                alive.stream().map(sandbox -> privateBytes(sandbox.id()) / 1e6).toList();
        double whole = (availableBefore - Machine.availableBytes()) / 1e6 / alive.size();
        return List.of(
                Measure.of("memory of a used sandbox (private dirty)" + at, "MB", each)
                        .atMost(15),
                Measure.of("memory of the whole system for each sandbox" + at, "MB", whole));
    }

    private long privateBytes(String sandbox) {
        return processes(system.groups(sandbox)).stream()
                .mapToLong(Machine::privateDirtyBytes)
                .sum();
    }

    private static Set<Long> processes(Collection<Path> groups) {
        var pids = new HashSet<Long>();
        for (Path group : groups) {
            try {
                Files.readAllLines(group.resolve("cgroup.procs")).forEach(line -> pids.add(Long.parseLong(line)));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        Latency.check(!pids.isEmpty(), "no control group of a sandbox was found");
        return pids;
    }

    @Override
    public void close() {
        while (!alive.isEmpty()) {
            sandboxes.kill(alive.remove());
        }
    }
}
