package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.e2e.product.Product;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A program that prints without end. */
@ExtendWith(ProductExtension.class)
class FloodTest {
    /** Far above what the server needs (heap 768 MiB at most, and the JVM itself), far below what the flood would fill if it were kept. */
    private static final long BOUND = 1200L << 20;

    private final Product product;
    private final Http http;

    FloodTest(Product product) {
        this.product = product;
        this.http = new Http(product.port());
    }

    @Test
    void floodNeitherFillsTheServerNorDeafensIt() throws IOException {
        String client = UUID.randomUUID().toString();
        String id = http.post(
                        "/execute-stream",
                        Map.of("code", "while True: print(1)", "clientId", client, "timeout", 120_000))
                .expect(202)
                .json()
                .path("executionId")
                .asText();
        String sandbox = http.get("/executions/" + id)
                .expect(200)
                .json()
                .path("sandboxId")
                .asText();
        long highest = 0;
        try (var socket = new OutputSocket(product.port(), "clientId=" + client + "&executionId=" + id)) {
            socket.await(message -> OutputSocket.type(message).equals("stdout"));
            long end = System.nanoTime() + Duration.ofSeconds(10).toNanos();
            while (System.nanoTime() < end) {
                http.get("/health").expect(200);
                http.get("/").expect(200);
                highest = Math.max(highest, residentBytes());
                Product.pause(100);
            }

            http.post("/executions/" + id + "/cancel", Map.of()).expect(202);

            assertThat(Executions.awaitEnd(http, id).path("status").asText()).isEqualTo("cancelled");
        }
        assertThat(highest).isPositive().isLessThan(BOUND);
        http.post("/execute", Map.of("code", "1", "sandboxId", sandbox)).expect(404);
        assertThat(awaitNoGroup(sandbox)).isEmpty();
    }

    @Test
    void longLineWithoutAnEndIsBoundedToo() throws IOException {
        String client = UUID.randomUUID().toString();
        String id = http.post(
                        "/execute-stream",
                        Map.of(
                                "code",
                                "import sys\nfor i in range(150): sys.stdout.write('x' * (1 << 20))",
                                "clientId",
                                client,
                                "timeout",
                                120_000))
                .expect(202)
                .json()
                .path("executionId")
                .asText();

        assertThat(Executions.awaitEnd(http, id).path("status").asText()).isIn("completed", "error");
        assertThat(residentBytes()).isLessThan(BOUND);
    }

    private java.util.List<Path> awaitNoGroup(String sandbox) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!product.leftovers().groups(sandbox).isEmpty() && System.nanoTime() < end) {
            Product.pause(50);
        }
        return product.leftovers().groups(sandbox);
    }

    private long residentBytes() throws IOException {
        return Files.readAllLines(
                        Path.of("/proc", Long.toString(product.server().pid()), "status"))
                .stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                .sum();
    }
}
