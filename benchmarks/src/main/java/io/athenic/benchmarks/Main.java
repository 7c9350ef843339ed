package io.athenic.benchmarks;

import io.athenic.e2e.product.Product;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** {@code ./athenic bench [--peers] [--alive N] [--only latency|throughput|density|lifecycle|leaks]}: measures the product from outside and prints what was promised beside it. */
public final class Main {
    private static final String USAGE =
            "bench [--peers] [--alive N] [--only latency|throughput|density|lifecycle|leaks]";
    private static final List<String> PARTS = List.of("latency", "throughput", "lifecycle", "density");
    /** Takes minutes: only when it is asked for. */
    private static final String LEAKS = "leaks";

    private static final int POOL = 4;

    private final Report report = new Report();
    private final boolean peers;
    private final List<String> parts;
    private final int mostAlive;

    private Main(boolean peers, List<String> parts, int mostAlive) {
        this.peers = peers;
        this.parts = parts;
        this.mostAlive = mostAlive;
    }

    public static void main(String[] arguments) throws IOException {
        Main main;
        try {
            main = parse(arguments);
        } catch (IllegalArgumentException e) {
            System.err.println("bench: " + e.getMessage() + "\nusage: " + USAGE);
            System.exit(64);
            return;
        }
        main.run();
    }

    private static Main parse(String[] arguments) {
        boolean peers = false;
        List<String> parts = PARTS;
        int alive = 300;
        for (int i = 0; i < arguments.length; i++) {
            switch (arguments[i]) {
                case "--peers" -> peers = true;
                case "--alive" -> alive = Integer.parseInt(value(arguments, ++i));
                case "--only" -> parts = List.of(value(arguments, ++i));
                default -> throw new IllegalArgumentException("unknown option " + arguments[i]);
            }
        }
        if (alive < 1 || alive > 400) {
            throw new IllegalArgumentException("--alive is " + alive + ": 1 to 400 is wanted");
        }
        if (!PARTS.containsAll(parts) && !parts.equals(List.of(LEAKS))) {
            throw new IllegalArgumentException(
                    "--only is " + parts.getFirst() + ": one of " + PARTS + " or " + LEAKS + " is wanted");
        }
        return new Main(peers, parts, alive);
    }

    private static String value(String[] arguments, int at) {
        if (at >= arguments.length) {
            throw new IllegalArgumentException(arguments[at - 1] + " needs a value");
        }
        return arguments[at];
    }

    private void run() throws IOException {
        long start = System.nanoTime();
        Machine.describe().forEach((name, value) -> System.err.println("  " + name + ": " + value));
        if (Machine.load() > Runtime.getRuntime().availableProcessors()) {
            report.note("Other programs kept this machine busy (load " + Report.number(Machine.load())
                    + " before the first sample): times are too long and rates too low, only ratios count.");
        }
        Rehearsal.hold();
        String pool = Integer.toString(POOL);
        with(Map.of("ATHENIC_POOL_SIZE", pool, "ATHENIC_POOL_MAX", pool), this::pooled);
        if (parts.contains("latency")) {
            with(
                    Map.of("ATHENIC_POOL_SIZE", "0"),
                    (product, sandboxes, app) -> report.add(new Latency(sandboxes, app).unpooled(50)));
        }
        if (parts.contains("latency")) {
            report.add(starts(4));
        }
        if (peers) {
            new Peers(report).measure();
        }
        System.out.println(report.table());
        Path results = Product.HOME.resolve("benchmarks/results");
        report.write(results);
        System.err.printf("%d s; written to %s%n", (System.nanoTime() - start) / 1_000_000_000, results);
    }

    /** {@code ./athenic run} to its ready line on a folder that has been used before. */
    private static Measure starts(int count) {
        Path data = Product.newData();
        var seconds = new ArrayList<Double>();
        try {
            for (int i = 0; i <= count; i++) {
                long begin = System.nanoTime();
                Product product = Product.start(data, Map.of());
                if (i > 0) {
                    seconds.add((System.nanoTime() - begin) / 1e9);
                }
                product.interrupt();
            }
        } finally {
            Product.delete(data);
        }
        return Measure.of("./athenic run, second start, to ready", "s", seconds).atMost(3);
    }

    private void pooled(Product product, SandboxApi sandboxes, AppApi app) {
        var latency = new Latency(sandboxes, app);
        if (parts.contains("latency")) {
            report.addAll(latency.pooled(60));
            report.add(latency.pooledByHttpClient(60));
            report.addAll(latency.warm(300));
            report.add(latency.burst(50, 3));
            report.addAll(latency.besideHogs(4, 200));
            report.add(latency.sustained(60));
        }
        if (parts.contains("throughput")) {
            var throughput = new Throughput(sandboxes, app);
            report.addAll(throughput.lines());
            report.addAll(throughput.flood(product.server().pid(), 8));
        }
        if (parts.contains("lifecycle")) {
            report.addAll(new Lifecycle(sandboxes).measure());
        }
        if (parts.contains(LEAKS)) {
            report.addAll(new Leaks(product, sandboxes, POOL).measure());
        }
        if (parts.contains("density")) {
            density(product, sandboxes, latency);
        }
    }

    private void density(Product product, SandboxApi sandboxes, Latency latency) {
        try (var density = new Density(sandboxes, product.leftovers())) {
            Measure alone = latency.createAmong(0, 20);
            report.add(alone);
            for (int alive : java.util.stream.IntStream.of(1, 20, mostAlive)
                    .distinct()
                    .filter(n -> n <= mostAlive)
                    .toArray()) {
                density.growTo(alive);
                report.addAll(density.measure());
            }
            report.add(latency.createAmong(mostAlive, 20).atMost(1.5 * alone.median()));
        }
    }

    /** What is measured on one started product. */
    private interface Part {
        void run(Product product, SandboxApi sandboxes, AppApi app);
    }

    private static void with(Map<String, String> settings, Part part) {
        var environment = new HashMap<>(settings);
        environment.put("ATHENIC_SANDBOXES_MAX", "500");
        try (var product = Product.start(Product.newData(), environment);
                var app = new AppApi(product.port())) {
            part.run(product, new SandboxApi(product.e2bPort(), product.apiKey()), app);
        }
    }
}
