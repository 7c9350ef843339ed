package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.e2e.product.Product;
import java.time.Duration;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Code that runs while the server is killed goes on, and its output is whole: no event is lost, none comes twice. */
class RestartTest {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final Map<String, String> SMALL_POOL = Map.of("ATHENIC_POOL_SIZE", "1");

    /** Prints fast, waits for a file, prints on: so the server is dead and alive again in the middle of it. */
    private static final String CODE = """
            import os, time
            for n in range(50_000): print(n)
            while not os.path.exists('go'): time.sleep(0.01)
            for n in range(50_000, 100_000): print(n)
            'the end'""";

    /** The sandbox has the code: it has printed something. */
    private static void awaitOutput(Product product, Talk thread) {
        var execution = Talk.execution(thread.answer());
        try (var socket = new OutputSocket(
                product.port(),
                "clientId=" + execution.path("clientId").asText() + "&executionId="
                        + execution.path("executionId").asText())) {
            socket.await(message -> OutputSocket.type(message).equals("stdout"));
        }
    }

    private static String lines(int end) {
        return IntStream.range(0, end).mapToObj(n -> n + "\n").collect(Collectors.joining());
    }

    @Test
    void outputOfRunningCodeIsWholeOverAKill() {
        try (var product = Product.start(Product.newData(), SMALL_POOL)) {
            var http = new Http(product.port());
            String sandbox = http.post("/create-sandbox", Map.of())
                    .expect(200)
                    .json()
                    .path("sandboxId")
                    .asText();
            String execution = http.post(
                            "/execute-stream",
                            Map.of("code", CODE, "clientId", "restart", "sandboxId", sandbox, "timeout", 300_000))
                    .expect(202)
                    .json()
                    .path("executionId")
                    .asText();
            var before = new OutputSocket(product.port(), "clientId=restart");
            before.await(_ -> before.text("stdout").contains("20000\n")); // a message may end in the midst of a line

            product.server().destroyForcibly();
            product.awaitStart(2);
            http.awaitAnswer(SOON);
            before.leave(); // what it has not heard by now it asks for again
            long last = before.sequences().getLast();
            var after =
                    new OutputSocket(product.port(), "clientId=restart&executionId=" + execution + "&after=" + last);
            http.post("/execute", Map.of("code", "touch go", "language", "bash", "sandboxId", sandbox))
                    .expect(200);

            assertThat(after.awaitEnd()).isEqualTo("completed");
            assertThat(before.text("stdout") + after.text("stdout")).isEqualTo(lines(100_000));
            assertThat(LongStream.concat(
                            before.sequences().stream().mapToLong(n -> n),
                            after.sequences().stream().mapToLong(n -> n)))
                    .containsExactlyElementsOf(
                            LongStream.rangeClosed(1, after.sequences().getLast())
                                    .boxed()
                                    .toList());
            assertThat(after.seen().toString()).contains("the end");
            assertThat(http.get("/executions/" + execution + "/output")
                            .expect(200)
                            .text())
                    .isEqualTo(lines(100_000));
            after.close();
        }
    }

    @Test
    void anAnswerGoesOnWithTheCodeThatItWaitedFor() {
        try (var product = Product.start(Product.newData(), SMALL_POOL)) {
            var thread = new Talk(product.port());
            thread.run("x = 1");
            String run = thread.say("```python\n" + CODE + "\n```");
            thread.feed.await(event -> event.path("type").asText().equals("execution")
                    && event.path("code").asText().contains("the end"));
            String sandbox = Talk.execution(thread.answer()).path("sandboxId").asText();
            awaitOutput(product, thread);

            product.server().destroyForcibly();
            product.awaitStart(2);
            new Http(product.port()).awaitAnswer(SOON);
            var again = new Talk(product.port(), thread.id);
            new Http(product.port())
                    .post("/execute", Map.of("code", "touch go", "language", "bash", "sandboxId", sandbox))
                    .expect(200);

            assertThat(again.feed.awaitRun(run)).isEqualTo("complete");
            assertThat(again.output(Talk.execution(again.answer()))).isEqualTo(lines(100_000));
            assertThat(again.run("print(x + n)")).isEqualTo("100000\n");
            again.close();
        }
    }

    @Test
    void codeThatRunsOnCanBeStopped() {
        try (var product = Product.start(Product.newData(), SMALL_POOL)) {
            var thread = new Talk(product.port());
            thread.run("x = 41");
            String run = thread.say("```python\nprint('on')\nwhile True: pass\n```");
            thread.feed.await(event -> event.path("type").asText().equals("execution")
                    && event.path("code").asText().contains("while"));
            awaitOutput(product, thread);

            product.server().destroyForcibly();
            product.awaitStart(2);
            new Http(product.port()).awaitAnswer(SOON);
            var again = new Talk(product.port(), thread.id);
            new Http(product.port())
                    .post("/api/threads/" + thread.id + "/runs/" + run + "/cancel", Map.of())
                    .expect(202);

            assertThat(again.feed.awaitRun(run)).isEqualTo("cancelled");
            assertThat(again.run("print(x + 1)")).isEqualTo("42\n");
            again.close();
        }
    }
}
