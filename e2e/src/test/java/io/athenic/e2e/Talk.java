package io.athenic.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.stream.StreamSupport;

/** One thread with a reader of its events; deleted at the end. */
final class Talk implements AutoCloseable {
    private final Http http;
    final String id;
    final EventFeed feed;

    Talk(int port) {
        this(
                port,
                new Http(port)
                        .post("/api/threads", Map.of())
                        .expect(201)
                        .json()
                        .path("id")
                        .asText());
    }

    /** Goes on with a thread that is there already. */
    Talk(int port, String id) {
        this.http = new Http(port);
        this.id = id;
        this.feed = new EventFeed(port, id, 0);
    }

    /** Sends a message; gives back its run's id. */
    String say(String text) {
        return http.post("/api/threads/" + id + "/messages", Map.of("text", text))
                .expect(202)
                .json()
                .path("runId")
                .asText();
    }

    /** Runs Python and gives back what it printed. */
    String run(String code) {
        feed.awaitRun(say("```python\n" + code + "\n```"));
        return output(execution(answer()));
    }

    JsonNode answer() {
        return StreamSupport.stream(
                        http.get("/api/threads/" + id)
                                .expect(200)
                                .json()
                                .path("messages")
                                .spliterator(),
                        false)
                .filter(message -> message.path("role").asText().equals("assistant"))
                .reduce((earlier, later) -> later)
                .orElseThrow();
    }

    String output(JsonNode execution) {
        return http.get("/executions/" + execution.path("executionId").asText() + "/output")
                .expect(200)
                .text();
    }

    static JsonNode execution(JsonNode message) {
        return StreamSupport.stream(message.path("parts").spliterator(), false)
                .filter(part -> part.path("type").asText().equals("execution"))
                .findFirst()
                .orElseThrow(() -> new AssertionError("nothing was run: " + message));
    }

    @Override
    public void close() {
        feed.close();
        http.delete("/api/threads/" + id).expect(204);
    }
}
