package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpServer;
import io.athenic.e2e.product.Command;
import io.athenic.e2e.product.Leftovers;
import io.athenic.e2e.product.Product;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Ends of every kind while a sandbox runs: Ctrl-C and SIGTERM leave nothing; after a kill -9 what lives goes on, and nothing else is left. */
class CrashTest {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final Map<String, String> SMALL_POOL = Map.of("ATHENIC_POOL_SIZE", "1");

    @Test
    void killedServerIsStartedAgainAndSandboxesGoOn() {
        try (var product = Product.start(Product.newData(), SMALL_POOL)) {
            String sandbox = busySandbox(product);
            String other = create(new Http(product.port()));
            String fresh = sandboxOfOneExecution(product);
            var thread = new Talk(product.port());
            thread.run("x = 41");

            product.server().destroyForcibly();
            product.awaitStart(2);

            Http http = answering(product); // on the same port as before
            assertThat(Http.stdout(http.python("print(kept + 1)", sandbox))).isEqualTo("42\n");
            assertThat(product.log()).contains("the server crashed (status 137): it is started again");
            assertThat(active(http)).hasSize(3).contains(sandbox, other).doesNotContain(fresh);
            awaitRooms(product, 4); // these, and one in the new pool
            http.post("/close-sandbox", Map.of("sandboxId", sandbox)).expect(200);
            assertThat(http.post("/cleanup-all-sandboxes", Map.of())
                            .expect(200)
                            .json()
                            .path("count")
                            .asInt())
                    .isEqualTo(1);
            var again = new Talk(product.port(), thread.id);
            assertThat(again.run("print(x + 1)")).isEqualTo("42\n");
            assertThat(active(http)).hasSize(1).doesNotContain(sandbox, other);
            assertThat(again.answer().path("parts").toString()).doesNotContainIgnoringCase("variables");
            again.close();
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
    void aSandboxThatHasNetworkHasItAfterAKill() throws IOException {
        HttpServer site = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        site.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        site.start();
        int port = site.getAddress().getPort();
        // The proxy of the room, since programs do not ask it for what is called 127.0.0.1.
        String fetch = """
                import http.client
                proxy = http.client.HTTPConnection('127.0.0.1', 3128, timeout=60)
                proxy.request('GET', 'http://127.0.0.1:%d/')
                print(proxy.getresponse().status)""";
        try (var product = Product.start(
                Product.newData(),
                Map.of(
                        "ATHENIC_POOL_SIZE",
                        "0",
                        "ATHENIC_EGRESS",
                        "on",
                        "ATHENIC_EGRESS_PORTS",
                        Integer.toString(port),
                        "ATHENIC_EGRESS_EXCEPTIONS",
                        "127.0.0.1:" + port))) {
            Http http = new Http(product.port());
            String sandbox = create(http);
            assertThat(Http.stdout(http.python(fetch.formatted(port), sandbox))).isEqualTo("200\n");

            product.server().destroyForcibly();
            product.awaitStart(2);

            Http again = answering(product);
            assertThat(Http.stdout(again.python(fetch.formatted(port), sandbox)))
                    .isEqualTo("200\n");
            assertThat(Http.stdout(again.python(fetch.formatted(1), sandbox))).isEqualTo("403\n");
        } finally {
            site.stop(0);
        }
    }

    @Test
    void aServerThatCrashesAgainAndAgainIsGivenUp() {
        try (var product = Product.start(Product.newData(), Map.of("ATHENIC_POOL_SIZE", "0"))) {
            long last = -1;
            for (int crashes = 1; crashes <= 6; crashes++) {
                ProcessHandle server = newServer(product, last);
                last = server.pid();
                server.destroyForcibly();
            }

            assertThat(product.awaitEnd()).isEqualTo(1);
            assertThat(product.log())
                    .contains("the server crashed (status 137): it is started again in 8 s")
                    .contains("started again 5 times within 10 minutes: giving up")
                    .contains("./athenic doctor");
        } // nothing is left
    }

    /** The launcher's next server, as soon as it is there. */
    private static ProcessHandle newServer(Product product, long last) {
        long end = System.nanoTime() + SOON.toNanos();
        while (true) {
            var found = product.launcher()
                    .children()
                    .filter(child -> child.pid() != last && child.isAlive())
                    .filter(child -> child.info()
                            .commandLine()
                            .filter(line -> line.contains("athenic.jar serve"))
                            .isPresent())
                    .findFirst();
            if (found.isPresent()) {
                return found.get();
            }
            assertThat(System.nanoTime()).as(product.log()).isLessThan(end);
            Product.pause(10);
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

    /** Its code runs, in a sandbox that is closed with it, and its caller waits. */
    private static String sandboxOfOneExecution(Product product) {
        Http http = new Http(product.port());
        Thread _ = Thread.ofVirtual().start(() -> {
            try {
                http.post("/execute", Map.of("code", "while True: pass", "timeout", 3_000_000));
            } catch (UncheckedIOException _) {
                return; // the server was killed
            }
        });
        long end = System.nanoTime() + SOON.toNanos();
        while (true) {
            for (JsonNode sandbox : all(product)) {
                if (sandbox.at("/metadata/athenicOwner").asText().equals("execution")) {
                    return sandbox.path("sandboxID").asText();
                }
            }
            assertThat(System.nanoTime()).as("the execution begins").isLessThan(end);
            Product.pause(20);
        }
    }

    private static JsonNode all(Product product) {
        return new Http(product.e2bPort())
                .send(
                        "GET",
                        "/v2/sandboxes",
                        HttpRequest.BodyPublishers.noBody(),
                        Map.of("X-API-Key", product.apiKey()))
                .expect(200)
                .json();
    }

    private static List<String> active(Http http) {
        return http.get("/active-sandboxes")
                .expect(200)
                .json()
                .path("sandboxes")
                .findValuesAsText("sandboxId");
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

    private static String create(Http http) {
        return http.post("/create-sandbox", Map.of())
                .expect(200)
                .json()
                .path("sandboxId")
                .asText();
    }

    /** A sandbox with a cell that runs and a daemon that ignores the polite signals. */
    private static String busySandbox(Product product) {
        Http http = new Http(product.port());
        String sandbox = create(http);
        http.python("kept = 41", sandbox);
        http.python(
                "import subprocess\nsubprocess.Popen(['setsid', 'sh', '-c', 'trap \"\" INT TERM HUP; while :; do sleep 1; done'])",
                sandbox);
        http.post("/execute-stream", Map.of("code", "while True: pass", "clientId", "crash", "sandboxId", sandbox))
                .expect(202);
        return sandbox;
    }
}
