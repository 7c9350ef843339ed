package io.athenic.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.e2e.product.Command;
import io.athenic.e2e.product.Command.Outcome;
import io.athenic.e2e.product.Product;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.StreamSupport;

/** Other people's ways to the same end, measured in the same run where the machine has them. A missing one is named, never passed over. */
final class Peers {
    private static final Duration LONG = Duration.ofMinutes(3);

    private final Report report;

    Peers(Report report) {
        this.report = report;
    }

    void measure() throws IOException {
        ipykernel();
        container("runc");
        container("crun");
    }

    /** Jupyter's kernel by Jupyter's client, as E2B's own code interpreter uses it. */
    private void ipykernel() throws IOException {
        if (Command.of("/usr/bin/python3", "-c", "import ipykernel, jupyter_client")
                        .run(LONG)
                        .status()
                != 0) {
            report.note("peer missing: ipykernel (apt-get install python3-ipykernel python3-jupyter-client)");
            return;
        }
        Outcome outcome = Command.of("/usr/bin/python3", "-")
                .input(resource("ipykernel_peer.py"))
                .run(LONG);
        if (outcome.status() != 0) {
            report.note("peer failed: ipykernel: " + lastLine(outcome));
            return;
        }
        JsonNode figures = SandboxApi.JSON.readTree(outcome.output());
        report.add(Measure.of("peer ipykernel: start to the result of 1+1", "ms", values(figures.path("start"))));
        report.add(Measure.of("peer ipykernel: warm 1+1", "ms", values(figures.path("warm"))));
        report.add(Measure.of(
                "peer ipykernel: first line of a cell that then sleeps", "ms", values(figures.path("first"))));
        report.add(Measure.of("peer ipykernel: 100,000 printed lines", "lines/s", values(figures.path("lines"))));
        report.add(Measure.of("peer ipykernel: memory (private dirty)", "MB", values(figures.path("memory"))));
    }

    /** Start, {@code /bin/true} and removal of a container on our own template's files. */
    private void container(String runtime) throws IOException {
        if (Command.of("sh", "-c", "command -v " + runtime).run(LONG).status() != 0) {
            report.note("peer missing: " + runtime + " (apt-get install " + runtime + ")");
            return;
        }
        Path bundle = Files.createTempDirectory("athenic-bench-");
        try {
            Command.of(runtime, "spec").in(bundle).run(LONG);
            Path file = bundle.resolve("config.json");
            var json = new ObjectMapper();
            var config = (ObjectNode) json.readTree(file.toFile());
            ((ObjectNode) config.path("root")).put("path", root().toString()).put("readonly", true);
            var process = (ObjectNode) config.path("process");
            process.put("terminal", false).putArray("args").add("/bin/true");
            json.writeValue(file.toFile(), config);
            var millis = new ArrayList<Double>();
            for (int i = 0; i < 23; i++) {
                String name = "athenic-bench-" + ProcessHandle.current().pid() + "-" + i;
                long start = System.nanoTime();
                Outcome outcome = Command.of(runtime, "run", name).in(bundle).run(LONG);
                if (outcome.status() != 0) {
                    report.note("peer failed: " + runtime + ": " + lastLine(outcome));
                    return;
                }
                if (i >= 3) {
                    millis.add((System.nanoTime() - start) / 1e6);
                }
            }
            report.add(Measure.of(
                    "peer " + runtime + ": start, /bin/true, removed (no Python, no network set up)", "ms", millis));
        } finally {
            Files.deleteIfExists(bundle.resolve("config.json"));
            Files.deleteIfExists(bundle);
        }
    }

    private static Path root() {
        return Product.templates().resolve("code-interpreter/rootfs");
    }

    private static List<Double> values(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(JsonNode::asDouble)
                .toList();
    }

    private static String lastLine(Outcome outcome) {
        return outcome.errors().lines().reduce("status " + outcome.status(), (earlier, later) -> later);
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = Peers.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("not in the jar: " + name);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
