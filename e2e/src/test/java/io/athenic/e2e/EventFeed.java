package io.athenic.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** A reader of a thread's server-sent events: docs/PROTOCOL.md, section 7. */
final class EventFeed implements AutoCloseable {
    /** One event with its number. */
    record Numbered(long id, JsonNode data) {}

    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private final BlockingQueue<Numbered> incoming = new LinkedBlockingQueue<>(10_000);
    private final List<Numbered> seen = new ArrayList<>();
    private final InputStream stream;
    private final Thread reader;

    EventFeed(int port, String thread, long after) {
        var request = HttpRequest.newBuilder(new Http(port).uri("/api/threads/" + thread + "/events?after=" + after))
                .header("Accept", "text/event-stream")
                .build();
        try {
            var response = CLIENT.send(request, BodyHandlers.ofInputStream());
            if (response.statusCode() != 200) {
                throw new AssertionError("events of " + thread + ": status " + response.statusCode());
            }
            stream = response.body();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
        reader = Thread.ofPlatform().name("events-" + thread).daemon().start(this::read);
    }

    private void read() {
        try (var lines = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
            long id = 0;
            var data = new StringBuilder();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.isEmpty() && !data.isEmpty()) {
                    incoming.put(new Numbered(id, Http.JSON.readTree(data.toString())));
                    data.setLength(0);
                } else if (line.startsWith("id:")) {
                    id = Long.parseLong(line.substring(3).strip());
                } else if (line.startsWith("data:")) {
                    data.append(line.substring(5).strip());
                }
            }
        } catch (IOException e) {
            // closed by the test or the server; a test that waits for an event says what came
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    JsonNode await(Predicate<JsonNode> wanted) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        try {
            while (System.nanoTime() < end) {
                Numbered event = incoming.poll(100, TimeUnit.MILLISECONDS);
                if (event != null) {
                    seen.add(event);
                    if (wanted.test(event.data())) {
                        return event.data();
                    }
                } else if (!reader.isAlive() && incoming.isEmpty()) {
                    break;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        throw new AssertionError("the wanted event did not come; seen: " + seen);
    }

    /** Waits for the end of a run. @return its status: complete, failed or cancelled */
    String awaitRun(String run) {
        return await(event -> event.path("type").asText().equals("run")
                        && event.path("runId").asText().equals(run)
                        && List.of("complete", "failed", "cancelled")
                                .contains(event.path("status").asText()))
                .path("status")
                .asText();
    }

    List<Numbered> seen() {
        return List.copyOf(seen);
    }

    @Override
    public void close() {
        try {
            stream.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
