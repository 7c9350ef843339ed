package io.athenic.benchmarks;

import io.athenic.benchmarks.SandboxApi.Created;
import io.athenic.e2e.product.Product;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** What a thousand sandboxes leave behind: counted on the machine before and after, with the same rooms waiting in the pool. */
final class Leaks {
    private static final int SANDBOXES = 1000;

    /** Before the first count: the server's young generation and compiled code have grown to their sizes by then, and what grows on leaks. */
    private static final int WARM_UP = 1000;

    private static final long SETTLE_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final Product product;
    private final SandboxApi sandboxes;
    private final int pooled;

    Leaks(Product product, SandboxApi sandboxes, int pooled) {
        this.product = product;
        this.sandboxes = sandboxes;
        this.pooled = pooled;
    }

    List<Measure> measure() {
        createAndKill(WARM_UP);
        Map<String, Long> before = settled();
        createAndKill(SANDBOXES);
        Map<String, Long> after = settled();
        List<Measure> measures = new ArrayList<>();
        before.forEach((what, count) -> {
            long more = after.getOrDefault(what, 0L) - count;
            boolean memory = what.endsWith("memory");
            String unit = memory ? "MB" : "more";
            Measure measure =
                    Measure.of(SANDBOXES + " creates and kills: " + what, unit, memory ? more / 1e6 : (double) more);
            // A heap grows and shrinks; a thousand leaks of a few KiB each would be seen all the same.
            measures.add(measure.atMost(memory ? 32 : 0));
        });
        return measures;
    }

    private void createAndKill(int count) {
        for (int i = 0; i < count; i++) {
            Created sandbox = sandboxes.create();
            sandboxes.kill(sandbox);
        }
    }

    /** The census once the pool is full again. */
    private Map<String, Long> settled() {
        long end = System.nanoTime() + SETTLE_NANOS;
        while (product.leftovers().rooms() != pooled && System.nanoTime() < end) {
            Product.pause(50);
        }
        Product.pause(1000); // destroyed rooms' last descriptors are closed by threads of their own
        return census();
    }

    private Map<String, Long> census() {
        ProcessHandle roomd = product.roomd();
        ProcessHandle forge = roomd.children().findFirst().orElseThrow();
        ProcessHandle zygote = forge.children()
                .filter(child -> read("/proc/" + child.pid() + "/cgroup").contains("_zygotes"))
                .findFirst()
                .orElseThrow();
        var counts = new LinkedHashMap<String, Long>();
        counts.put("processes", roomd.descendants().count());
        counts.put("control groups", product.leftovers().rooms());
        counts.put(
                "mounts of roomd",
                read("/proc/" + roomd.pid() + "/mountinfo").lines().count());
        counts.put("disk images", entries(product.data().resolve("sandboxes")));
        counts.put("records", entries(product.data().resolve("app/sandboxes")));
        counts.put(
                "socket folders",
                entries(Path.of("/run/athenic", product.leftovers().name(), "s")));
        var processes = new LinkedHashMap<String, ProcessHandle>();
        processes.put("server", product.server());
        processes.put("roomd", roomd);
        processes.put("forge", forge);
        processes.put("zygote", zygote);
        processes.forEach((name, process) -> {
            counts.put("descriptors of " + name, entries(Path.of("/proc/" + process.pid() + "/fd")));
            counts.put(name + "'s memory", Machine.residentBytes(process.pid()));
        });
        return counts;
    }

    private static long entries(Path folder) {
        try (Stream<Path> all = Files.list(folder)) {
            return all.count();
        } catch (IOException e) {
            return 0; // not there: nothing in it
        }
    }

    private static String read(String file) {
        try {
            return Files.readString(Path.of(file));
        } catch (IOException e) {
            return ""; // it has ended
        }
    }
}
