package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.e2e.product.Command;
import io.athenic.e2e.product.Leftovers;
import io.athenic.e2e.product.Product;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Ends of every kind while a sandbox runs: Ctrl-C and SIGTERM leave nothing; after a kill -9 the next start leaves no orphan. */
class CrashTest {
    private static final Map<String, String> SMALL_POOL = Map.of("ATHENIC_POOL_SIZE", "1");

    static Stream<Arguments> kills() {
        return Stream.of(
                Arguments.of(kill("server", product -> product.server().destroyForcibly())),
                Arguments.of(kill("roomd", product -> product.roomd().destroyForcibly())),
                Arguments.of(kill("server, roomd and launcher", product -> {
                    ProcessHandle server = product.server();
                    ProcessHandle roomd = product.roomd();
                    product.launcher().destroyForcibly();
                    server.destroyForcibly();
                    roomd.destroyForcibly();
                })));
    }

    private static Named<Consumer<Product>> kill(String what, Consumer<Product> action) {
        return Named.of("kill -9 of " + what, action);
    }

    @ParameterizedTest
    @MethodSource("kills")
    void nextStartLeavesNoOrphan(Consumer<Product> kill) {
        Path data = Product.newData();
        Product first = Product.start(data, SMALL_POOL);
        String sandbox = busySandbox(first);
        Leftovers leftovers = first.leftovers();
        assertThat(leftovers.groups(sandbox)).isNotEmpty();

        kill.accept(first);
        first.awaitEnd();

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
    void chatIsThereAfterAKillAndSaysWhatWasLost() {
        Path data = Product.newData();
        Product first = Product.start(data, SMALL_POOL);
        var thread = new Talk(first.port());
        thread.run("x = 1");
        thread.say("```python\nwhile True: pass\n```");
        thread.feed.await(event -> event.path("type").asText().equals("execution")
                && event.path("code").asText().contains("while True"));

        first.server().destroyForcibly();
        first.awaitEnd();

        try (var second = Product.start(data, SMALL_POOL)) {
            var http = new Http(second.port());
            var found = http.get("/api/threads/" + thread.id).expect(200).json();
            assertThat(found.path("messages")).hasSize(4);
            assertThat(found.at("/messages/3/status").asText()).isIn("failed", "cancelled");
            assertThat(found.at("/messages/3/parts").toString()).containsIgnoringCase("restart");
            assertThat(found.hasNonNull("activeRun")).isFalse();

            var again = new Talk(second.port(), thread.id);
            assertThat(again.run("print('back', 'x' in globals())")).isEqualTo("back False\n");
            assertThat(again.answer().path("parts").toString()).containsIgnoringCase("variables");
            again.close();
        }
    }

    @Test
    void controlCLeavesNothing() {
        var product = Product.start(Product.newData(), SMALL_POOL);
        busySandbox(product);

        int status = product.interrupt();

        List<String> left = product.leftovers().await(Duration.ofSeconds(10));
        product.close();
        assertThat(left).isEmpty();
        assertThat(status).isEqualTo(130);
    }

    @Test
    void terminationSignalLeavesNothing() {
        var product = Product.start(Product.newData(), SMALL_POOL);
        busySandbox(product);

        int status = product.terminate();

        List<String> left = product.leftovers().await(Duration.ofSeconds(10));
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
                    .run(Duration.ofMinutes(1));

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
        http.python(
                "import subprocess\nsubprocess.Popen(['setsid', 'sh', '-c', 'trap \"\" INT TERM HUP; while :; do sleep 1; done'])",
                sandbox);
        http.post("/execute-stream", Map.of("code", "while True: pass", "clientId", "crash", "sandboxId", sandbox))
                .expect(202);
        return sandbox;
    }
}
