package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2e.product.Product;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The chat by its API and its events, without a model: docs/PROTOCOL.md, section 7. */
@ExtendWith(ProductExtension.class)
class ChatTest {
    private final Product product;
    private final Http http;

    ChatTest(Product product) {
        this.product = product;
        this.http = new Http(product.port());
    }

    @Test
    void fencedBlockRuns() {
        try (var thread = new Talk(product.port())) {
            String run = thread.say("Please run this:\n```python\nprint(6 * 7)\n```");

            assertThat(thread.feed.awaitRun(run)).isEqualTo("complete");
            JsonNode answer = thread.answer();
            JsonNode execution = Talk.execution(answer);
            assertThat(execution.path("language").asText()).isEqualTo("python");
            assertThat(execution.path("code").asText().strip()).isEqualTo("print(6 * 7)");
            assertThat(execution.path("status").asText()).isEqualTo("completed");
            assertThat(execution.path("reason").asText()).isNotBlank();
            assertThat(thread.output(execution)).isEqualTo("42\n");
            assertThat(answer.at("/data/requiresE2B").asBoolean()).isTrue();
            assertThat(answer.at("/data/executionId").asText())
                    .isEqualTo(execution.path("executionId").asText());
            assertThat(answer.at("/data/clientId").asText()).isNotBlank();
            assertThat(answer.at("/data/e2bWebSocketUrl").asText()).startsWith("ws://127.0.0.1:" + product.port());
        }
    }

    @Test
    void whatTheAnswersDataNamesStreamsTheOutput() {
        try (var thread = new Talk(product.port())) {
            String run = thread.say("```python\nprint('over the socket')\n```");
            thread.feed.awaitRun(run);
            JsonNode data = thread.answer().path("data");

            try (var socket = new OutputSocket(
                    product.port(),
                    "clientId=" + data.path("clientId").asText() + "&executionId="
                            + data.path("executionId").asText())) {
                assertThat(socket.awaitEnd()).isEqualTo("completed");
                assertThat(socket.text("stdout")).isEqualTo("over the socket\n");
            }
        }
    }

    @Test
    void promptLineRunsAsCommand() {
        try (var thread = new Talk(product.port())) {
            String run = thread.say("$ ls -la");

            assertThat(thread.feed.awaitRun(run)).isEqualTo("complete");
            JsonNode execution = Talk.execution(thread.answer());
            assertThat(execution.path("language").asText()).isEqualTo("bash");
            assertThat(thread.output(execution)).contains("total ").contains(" ..");
        }
    }

    @Test
    void thanksDoesNotRun() {
        try (var thread = new Talk(product.port())) {
            String run = thread.say("thanks!");

            assertThat(thread.feed.awaitRun(run)).isEqualTo("complete");
            JsonNode answer = thread.answer();
            assertThat(answer.path("parts"))
                    .isNotEmpty()
                    .noneSatisfy(part -> assertThat(part.path("type").asText()).isEqualTo("execution"));
            assertThat(answer.at("/data/requiresE2B").asBoolean()).isFalse();
        }
    }

    @Test
    void requestThatNeedsAModelIsToldSo() {
        try (var thread = new Talk(product.port())) {
            String run = thread.say("Write a program that finds the first ten perfect numbers and run it.");

            assertThat(thread.feed.awaitRun(run)).isIn("complete", "failed");
            assertThat(thread.answer().path("parts").toString()).containsIgnoringCase("model");
        }
    }

    @Test
    void failingProgramIsShownNotHidden() {
        try (var thread = new Talk(product.port())) {
            String run = thread.say("```python\nraise ValueError('on purpose')\n```");
            thread.feed.awaitRun(run);

            assertThat(Talk.execution(thread.answer()).path("status").asText()).isEqualTo("error");
            assertThat(thread.answer().path("parts").toString()).contains("ValueError");
        }
    }

    @Test
    void messagesOfAThreadShareVariablesAndFilesAndThreadsShareNothing() {
        try (var first = new Talk(product.port());
                var second = new Talk(product.port())) {
            first.feed.awaitRun(first.say("```python\nsecret = 1234\nopen('kept.txt', 'w').write('in a file')\n```"));

            String same = first.run("print(secret, open('kept.txt').read())");
            String other = second.run("import os\nprint('secret' in globals(), os.path.exists('kept.txt'))");

            assertThat(same).isEqualTo("1234 in a file\n");
            assertThat(other).isEqualTo("False False\n");
        }
    }

    @Test
    void filesGoInAndOut() {
        try (var thread = new Talk(product.port())) {
            String files = "/api/threads/" + thread.id + "/files";
            JsonNode uploaded = http.send(
                            "POST",
                            files + "?name=data.csv",
                            BodyPublishers.ofString("a,b\n1,2\n"),
                            Map.of("Content-Type", "application/octet-stream"))
                    .expect(201)
                    .json();

            String printed = thread.run(
                    "print(open('data.csv').read(), end='')\nopen('out.bin', 'wb').write(bytes(range(256)))");

            assertThat(uploaded.path("path").asText()).isEqualTo("/home/user/data.csv");
            assertThat(uploaded.path("size").asLong()).isEqualTo(8);
            assertThat(printed).isEqualTo("a,b\n1,2\n");
            JsonNode entries =
                    http.get(files + "?path=/home/user").expect(200).json().path("entries");
            assertThat(entries)
                    .anySatisfy(entry -> assertThat(entry.path("name").asText()).isEqualTo("out.bin"));
            var content = http.get(files + "/content?path=/home/user/out.bin").expect(200);
            assertThat(content.bytes()).hasSize(256).startsWith(0, 1, 2);
            assertThat(content.headers().firstValue("Content-Disposition").orElse(""))
                    .startsWith("attachment");
            http.get(files + "/content?path=/home/user/nosuch").expect(404);
            http.get(files + "/content?path=/dev/zero").expect(400);
            http.get(files + "/content?path=/home/user").expect(400);
        }
    }

    @Test
    void cancelStopsAnEndlessLoopAndTheThreadGoesOn() {
        try (var thread = new Talk(product.port())) {
            String run = thread.say("```python\nprint('begun', flush=True)\nx = 5\nwhile True: pass\n```");
            thread.feed.await(event -> event.path("type").asText().equals("execution"));
            http.post("/api/threads/" + thread.id + "/runs/" + run + "/cancel", Map.of())
                    .expect(202);

            assertThat(thread.feed.awaitRun(run)).isEqualTo("cancelled");
            assertThat(thread.run("print('again')")).isEqualTo("again\n");
        }
    }

    @Test
    void oneRunAtATime() {
        try (var thread = new Talk(product.port())) {
            String run = thread.say("```python\nimport time\ntime.sleep(60)\n```");

            http.post("/api/threads/" + thread.id + "/messages", Map.of("text", "$ ls"))
                    .expect(409);

            http.post("/api/threads/" + thread.id + "/runs/" + run + "/cancel", Map.of())
                    .expect(202);
            thread.feed.awaitRun(run);
        }
    }

    @Test
    void deleteClosesTheSandbox() {
        var thread = new Talk(product.port());
        thread.run("x = 1");
        String sandbox = http.get("/api/threads/" + thread.id)
                .expect(200)
                .json()
                .at("/sandbox/sandboxId")
                .asText();
        assertThat(sandbox).isNotEmpty();

        thread.close();

        http.get("/api/threads/" + thread.id).expect(404);
        http.post("/execute", Map.of("code", "print(x)", "sandboxId", sandbox)).expect(404);
    }

    @Test
    void eventsAreReplayedFromWhereAReaderWas() {
        try (var thread = new Talk(product.port())) {
            thread.feed.awaitRun(thread.say("```python\nprint(1)\n```"));
            var all = thread.feed.seen();
            long middle = all.get(all.size() / 2).id();

            try (var again = new EventFeed(product.port(), thread.id, middle)) {
                again.await(event -> event.equals(all.getLast().data()));

                assertThat(again.seen()).isEqualTo(all.subList(all.size() / 2 + 1, all.size()));
            }
        }
    }

    @Test
    void titleCanBeChangedAndThreadsAreListed() {
        try (var thread = new Talk(product.port())) {
            http.patch("/api/threads/" + thread.id, Map.of("title", "Zahlen & Ümlaute"))
                    .expect(200);

            JsonNode threads = http.get("/api/threads").expect(200).json().path("threads");
            assertThat(threads).anySatisfy(entry -> {
                assertThat(entry.path("id").asText()).isEqualTo(thread.id);
                assertThat(entry.path("title").asText()).isEqualTo("Zahlen & Ümlaute");
            });
        }
    }
}
