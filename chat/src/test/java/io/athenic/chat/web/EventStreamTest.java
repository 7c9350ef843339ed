package io.athenic.chat.web;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.athenic.chat.store.ChatStore;
import io.athenic.chat.testing.ChatFixture;
import io.athenic.chat.thread.ThreadEvent;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class EventStreamTest {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    Path folder;

    private ChatFixture fixture;
    private String thread = "";

    @BeforeEach
    void start() {
        fixture = ChatFixture.start(folder);
        thread = fixture.newThread();
    }

    @AfterEach
    void stop() {
        fixture.close();
    }

    /** An event as a client reads it; number -1 where it has none. */
    private record Event(long number, JsonNode json) {
        String type() {
            return json.path("type").asText();
        }
    }

    /** A client that follows the stream. */
    private static final class Reader implements AutoCloseable {
        private final InputStream body;
        private final BufferedReader lines;

        Reader(InputStream body) {
            this.body = body;
            this.lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8));
        }

        /** The next event; null at the end of the stream. */
        @Nullable
        Event next() throws IOException {
            long number = -1;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("id: ")) {
                    number = Long.parseLong(line.substring(4));
                } else if (line.startsWith("data: ")) {
                    return new Event(number, MAPPER.readTree(line.substring(6)));
                }
            }
            return null;
        }

        List<Event> until(Predicate<Event> last) throws IOException {
            List<Event> events = new ArrayList<>();
            for (Event event = next(); event != null; event = next()) {
                events.add(event);
                if (last.test(event)) {
                    return events;
                }
            }
            throw new AssertionError("the stream ended after " + events);
        }

        @Override
        public void close() throws IOException {
            body.close();
        }
    }

    private Reader follow(long after) throws Exception {
        return open(HttpRequest.newBuilder(fixture.uri("/api/threads/" + thread + "/events?after=" + after)));
    }

    private Reader open(HttpRequest.Builder request) throws Exception {
        HttpResponse<InputStream> response = fixture.http().send(request.build(), BodyHandlers.ofInputStream());
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.headers().firstValue("Content-Type").orElse("")).startsWith("text/event-stream");
        return new Reader(response.body());
    }

    private static boolean isRunEnd(Event event) {
        return event.type().equals("run")
                && List.of("complete", "failed", "cancelled")
                        .contains(event.json().path("status").asText());
    }

    @Test
    void aRunIsSeenLiveAndNumberedWithoutGaps() throws Exception {
        try (Reader reader = follow(0)) {
            fixture.say(thread, "```python\nprint hello\n```");

            List<Event> events = reader.until(EventStreamTest::isRunEnd);

            assertThat(events)
                    .extracting(Event::number)
                    .isSorted()
                    .doesNotHaveDuplicates()
                    .startsWith(1L);
            assertThat(events.getLast().number()).isEqualTo(events.size());
            assertThat(events)
                    .extracting(Event::type)
                    .contains("thread", "message", "run", "execution", "delta", "files");
            assertThat(events).allSatisfy(event -> {
                assertThat(event.json().path("threadId").asText()).isEqualTo(thread);
                assertThat(event.json().path("at").asText()).isNotBlank();
            });
            assertThat(events.getLast().json().path("status").asText()).isEqualTo("complete");
        }
    }

    @Test
    void aClientThatComesLateGetsTheSameEvents() throws Exception {
        fixture.ask(thread, "```python\nprint hello\n```");

        List<Event> whole = read(follow(0));
        List<Event> rest = read(follow(3));

        assertThat(rest).isEqualTo(whole.subList(3, whole.size()));
    }

    private static List<Event> read(Reader reader) throws IOException {
        try (reader) {
            return reader.until(EventStreamTest::isRunEnd);
        }
    }

    @Test
    void lastEventIdResumesAsBrowsersDo() throws Exception {
        fixture.ask(thread, "```python\nprint hello\n```");

        HttpRequest.Builder request = HttpRequest.newBuilder(fixture.uri("/api/threads/" + thread + "/events?after=0"))
                .header("Last-Event-ID", "5");

        assertThat(read(open(request)).getFirst().number()).isEqualTo(6);
    }

    @Test
    void aSnapshotAndTheEventsAfterItMakeTheWholeAnswer() throws Exception {
        String run = fixture.say(thread, "```python\nprint one\nawait gate\nprint two\n```");
        fixture.awaitInMessages(thread, "\"type\":\"execution\"");
        JsonNode snapshot = fixture.thread(thread);
        assertThat(snapshot.path("activeRun").path("runId").asText()).isEqualTo(run);

        try (Reader reader = follow(snapshot.path("lastEvent").asLong())) {
            fixture.e2b.sandboxes().getFirst().code().release("gate");
            List<Event> events = reader.until(EventStreamTest::isRunEnd);

            assertThat(events.getFirst().number())
                    .isEqualTo(snapshot.path("lastEvent").asLong() + 1);
            Event delta = events.stream()
                    .filter(event -> event.type().equals("delta"))
                    .findFirst()
                    .orElseThrow();
            assertThat(delta.json().path("text").asText()).contains("one", "two");
        }
    }

    @Test
    void aClientThatIsTooFarBehindGetsTheMessagesAsAWhole() throws Exception {
        fixture.ask(thread, "```python\nprint hello\n```");
        List<ThreadEvent> many = Collections.nCopies(500, new ThreadEvent.FilesChanged());
        for (int i = 0; i * 500 < ChatStore.EVENTS_KEPT + 500; i++) {
            fixture.chat().store().append(thread, many);
        }
        long last = fixture.thread(thread).path("lastEvent").asLong();

        try (Reader reader = follow(1)) {
            List<Event> events = reader.until(event -> event.number() >= 0);

            assertThat(events).extracting(Event::type).containsExactly("thread", "message", "message", "files");
            assertThat(events.getLast().number()).isEqualTo(last);
            assertThat(events.get(2).json().path("message").path("status").asText())
                    .isEqualTo("complete");
        }
    }

    @Test
    void theStreamEndsWhenTheThreadIsDeleted() throws Exception {
        try (Reader reader = follow(0)) {
            assertThat(fixture.call("DELETE", "/api/threads/" + thread, null).status())
                    .isEqualTo(204);

            assertThat(reader.next()).isNull();
        }
    }

    @Test
    void manyClientsSeeTheSame() throws Exception {
        List<Reader> readers = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            readers.add(follow(0));
        }
        fixture.say(thread, "```python\nprint hello\n```");

        List<List<Event>> seen = new ArrayList<>();
        for (Reader reader : readers) {
            seen.add(read(reader));
        }

        assertThat(seen).allSatisfy(events -> assertThat(events).isEqualTo(seen.getFirst()));
    }

    @Test
    void anUnknownThreadAndABadPlaceAreRefused() {
        assertThat(fixture.call("GET", "/api/threads/nope/events", null).status())
                .isEqualTo(404);
        assertThat(fixture.call("GET", "/api/threads/" + thread + "/events?after=x", null)
                        .status())
                .isEqualTo(400);
        assertThat(fixture.call("GET", "/api/threads/" + thread + "/events?after=-1", null)
                        .status())
                .isEqualTo(400);
    }
}
