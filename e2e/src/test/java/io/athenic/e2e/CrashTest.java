package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.e2e.product.Command;
import io.athenic.e2e.product.Leftovers;
import io.athenic.e2e.product.Product;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Ends of every kind while a sandbox runs: Ctrl-C and SIGTERM leave nothing; after a kill -9 what lives goes on, and nothing else is left. */
class CrashTest {
    private static final Map<String, String> SMALL_POOL = Map.of("ATHENIC_POOL_SIZE", "1");

    @Test
    void killedServerIsStartedAgainAndSandboxesGoOn() {
        try (var product = Product.start(Product.newData(), SMALL_POOL)) {
            String sandbox = busySandbox(product);

            product.server().destroyForcibly();
            product.awaitStart(2);

            Http http = answering(product); // on the same port as before
            assertThat(Http.stdout(http.python("print(kept + 1)", sandbox))).isEqualTo("42\n");
            awaitRooms(product, 2); // the sandbox, and one in the new pool
            assertThat(product.log()).contains("the server crashed (status 137): it is started again");
            http.post("/close-sandbox", Map.of("sandboxId", sandbox)).expect(200);
        } // nothing is left
    }

    @Test
    void killedRoomdIsStartedAgainWithTheServer() {
        try (var product = Product.start(Product.newData(), SMALL_POOL)) {
            String sandbox = busySandbox(product);

            product.roomd().destroyForcibly();
            product.awaitStart(2);

            assertThat(product.leftovers().groups(sandbox)).isEmpty();
            Http http = answering(product);
            assertThat(Http.stdout(http.python("print('works')"))).isEqualTo("works\n");
            http.post("/execute", Map.of("code", "1", "sandboxId", sandbox)).expect(404);
        }
    }

    @Test
    void nextLauncherGoesOnWithTheSandboxesOfAKilledOne() {
        Path data = Product.newData();
        Product first = Product.start(data, SMALL_POOL);
        String sandbox = busySandbox(first);
        long roomd = first.roomd().pid();

        first.killServerAndLauncher();

        try (var second = Product.start(data, SMALL_POOL)) {
            assertThat(ProcessHandle.of(roomd)).isPresent();
            assertThat(Http.stdout(new Http(second.port()).python("print(kept + 1)", sandbox)))
                    .isEqualTo("42\n");
            awaitRooms(second, 2);
        }
    }

    @Test
    void nextStartAfterTheEndOfEverythingLeavesNoOrphan() {
        Path data = Product.newData();
        Product first = Product.start(data, SMALL_POOL);
        String sandbox = busySandbox(first);
        Leftovers leftovers = first.leftovers();
        assertThat(leftovers.groups(sandbox)).isNotEmpty();

        ProcessHandle roomd = first.roomd();
        first.killServerAndLauncher();
        roomd.destroyForcibly();

        try (var second = Product.start(data, SMALL_POOL)) {
            assertThat(leftovers.groups(sandbox)).isEmpty();
            assertThat(Http.stdout(new Http(second.port()).python("print('works')")))
                    .isEqualTo("works\n");
            new Http(second.port())
                    .post("/execute", Map.of("code", "1", "sandboxId", sandbox))
                    .expect(404);
        }
    }

    @Test
    void aServerThatCannotStartIsNotStartedAgain() {
        Path data = Product.newData();
        var ended = Command.of(Product.HOME.resolve("athenic").toString(), "run", "--data", data.toString())
                .with(Map.of("ATHENIC_POOL_SIZE", "many"))
                .run(Duration.ofMinutes(2));
        List<String> left = Leftovers.of(data).await(Duration.ofSeconds(60));
        Product.delete(data);

        assertThat(ended.status()).as(ended.all()).isEqualTo(1);
        assertThat(ended.errors()).contains("pool.size is many").doesNotContain("started again");
        assertThat(left).isEmpty();
    }

    @Test
    void threadGoesOnInItsSandboxAfterAKill() {
        try (var product = Product.start(Product.newData(), SMALL_POOL)) {
            var thread = new Talk(product.port());
            thread.run("x = 41");

            product.server().destroyForcibly();
            product.awaitStart(2);
            Http _ = answering(product);

            var again = new Talk(product.port(), thread.id);
            assertThat(again.run("print(x + 1)")).isEqualTo("42\n");
            assertThat(again.answer().path("parts").toString()).doesNotContainIgnoringCase("variables");
            again.close();
        }
    }

    private static Http answering(Product product) {
        Http http = new Http(product.port());
        http.awaitAnswer(Duration.ofSeconds(60));
        return http;
    }

    private static void awaitRooms(Product product, int count) {
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (product.leftovers().rooms() != count) {
            assertThat(System.nanoTime())
                    .as("%s rooms", product.leftovers().rooms())
                    .isLessThan(end);
            Product.pause(50);
        }
    }

    @Test
    void controlCLeavesNothing() {
        var product = Product.start(Product.newData(), SMALL_POOL);
        busySandbox(product);

        int status = product.interrupt();

        List<String> left = product.leftovers().await(Duration.ofSeconds(60));
        product.close();
        assertThat(left).isEmpty();
        assertThat(status).isEqualTo(130);
    }

    @Test
    void terminationSignalLeavesNothing() {
        var product = Product.start(Product.newData(), SMALL_POOL);
        busySandbox(product);

        int status = product.terminate();

        List<String> left = product.leftovers().await(Duration.ofSeconds(60));
        product.close();
        assertThat(left).isEmpty();
        assertThat(status).isEqualTo(143);
    }

    @Test
    void secondLauncherOnTheSameDataIsRefused() {
        try (var product = Product.start(Product.newData(), SMALL_POOL)) {
            var second = Command.of(
                            Product.HOME.resolve("athenic").toString(),
                            "run",
                            "--port",
                            "0",
                            "--e2b-port",
                            "0",
                            "--data",
                            product.data().toString())
                    .run(Duration.ofMinutes(2));

            assertThat(second.status()).isNotZero();
            assertThat(second.errors()).contains("already runs").contains(Integer.toString(product.port()));
            new Http(product.port()).get("/health").expect(200);
        }
    }

    /** A sandbox with a cell that runs and a daemon that ignores the polite signals. */
    private static String busySandbox(Product product) {
        Http http = new Http(product.port());
        String sandbox = http.post("/create-sandbox", Map.of())
                .expect(200)
                .json()
                .path("sandboxId")
                .asText();
        http.python("kept = 41", sandbox);
        http.python(
                "import subprocess\nsubprocess.Popen(['setsid', 'sh', '-c', 'trap \"\" INT TERM HUP; while :; do sleep 1; done'])",
                sandbox);
        http.post("/execute-stream", Map.of("code", "while True: pass", "clientId", "crash", "sandboxId", sandbox))
                .expect(202);
        return sandbox;
    }
}
