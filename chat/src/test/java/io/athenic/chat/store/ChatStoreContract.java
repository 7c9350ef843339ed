package io.athenic.chat.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.athenic.chat.thread.ActiveRun;
import io.athenic.chat.thread.ChatJson;
import io.athenic.chat.thread.ChatThread;
import io.athenic.chat.thread.Message;
import io.athenic.chat.thread.MessageData;
import io.athenic.chat.thread.MessageStatus;
import io.athenic.chat.thread.Part;
import io.athenic.chat.thread.Role;
import io.athenic.chat.thread.RunStatus;
import io.athenic.chat.thread.ThreadEvent;
import io.athenic.chat.thread.ThreadSnapshot;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every database must do. */
abstract class ChatStoreContract {

    private static final Instant START = Instant.parse("2026-11-22T10:00:00Z");

    private final AtomicLong seconds = new AtomicLong();
    private final InstantSource clock = () -> START.plusSeconds(seconds.get());
    private final List<String> changed = new CopyOnWriteArrayList<>();
    private ChatStore store;

    abstract DatabaseConfig database() throws Exception;

    @BeforeEach
    void open() throws Exception {
        store = ChatStore.open(database(), clock, changed::add);
    }

    @AfterEach
    void close() {
        store.close();
    }

    private static Message message(String id, String thread, Role role, MessageStatus status, Part... parts) {
        return new Message(id, thread, role, START, status, List.of(parts), null);
    }

    private void startRun(String thread, String number) {
        store.startRun(
                "run_" + number,
                "node",
                message("q_" + number, thread, Role.USER, MessageStatus.COMPLETE, new Part.Text("hello")),
                message("a_" + number, thread, Role.ASSISTANT, MessageStatus.RUNNING),
                "hello");
    }

    @Test
    void threadsAreListedNewestFirst() {
        store.createThread("one", "One");
        seconds.incrementAndGet();
        store.createThread("two", "Two");
        seconds.incrementAndGet();
        store.rename("one", "Changed");

        assertThat(store.threads(10)).extracting(ChatThread::title).containsExactly("Changed", "Two");
        assertThat(store.threads(1)).extracting(ChatThread::id).containsExactly("one");
        assertThat(store.thread("one").orElseThrow().createdAt()).isEqualTo(START);
        assertThat(store.thread("one").orElseThrow().updatedAt()).isEqualTo(START.plusSeconds(2));
    }

    @Test
    void everyKindOfPartComesBackAsItWas() {
        store.createThread("t", ChatThread.UNTITLED);
        startRun("t", "1");
        List<Part> parts = List.of(
                new Part.Text("Grüße 👋 \"quoted\" \\ \n line"),
                new Part.Execution(
                        "e1", "python", "print('ü')", "completed", "fenced code", "session_1", "sbx", "Ran in 1 s"),
                new Part.Execution("e2", "bash", "ls", "starting", "command", "session_2", null, null),
                new Part.Notice(Part.Level.WARNING, "lost"),
                new Part.File("/home/user/a b.csv", 1L << 40));
        MessageData data = new MessageData("ws://localhost:4000", "session_2", "e2", "starting");
        Message answer = new Message("a_1", "t", Role.ASSISTANT, START, MessageStatus.RUNNING, parts, data);

        store.update(answer, List.of(new ThreadEvent.MessageChanged(answer)));

        assertThat(store.message("a_1")).contains(answer);
        assertThat(store.messages("t", 10)).hasSize(2).last().isEqualTo(answer);
    }

    @Test
    void startOfARunIsStoredWithItsEvents() {
        store.createThread("t", ChatThread.UNTITLED);

        startRun("t", "1");

        ThreadSnapshot snapshot = store.snapshot("t").orElseThrow();
        assertThat(snapshot.thread().title()).isEqualTo("hello");
        assertThat(snapshot.messages()).extracting(Message::id).containsExactly("q_1", "a_1");
        assertThat(snapshot.activeRun()).isEqualTo(new ActiveRun("run_1", "t", "a_1", RunStatus.DECIDING));
        assertThat(snapshot.lastEvent()).isEqualTo(4);
        assertThat(types("t", 0)).containsExactly("1 thread", "2 message", "3 message", "4 run");
        assertThat(changed).contains("t");
    }

    @Test
    void aTitleThatSomebodyGaveStays() {
        store.createThread("t", "Mine");

        startRun("t", "1");

        assertThat(store.thread("t").orElseThrow().title()).isEqualTo("Mine");
    }

    @Test
    void aSecondRunOfAThreadIsRefusedUntilTheFirstHasEnded() {
        store.createThread("t", "T");
        startRun("t", "1");

        assertThatThrownBy(() -> startRun("t", "2")).isInstanceOf(ThreadBusyException.class);
        assertThat(store.messages("t", 10)).hasSize(2);
        assertThat(store.lastEvent("t")).contains(4L);

        endRun("t", "1");
        startRun("t", "2");
        assertThat(store.messages("t", 10)).extracting(Message::id).containsExactly("q_1", "a_1", "q_2", "a_2");
    }

    private void endRun(String thread, String number) {
        Message done = message("a_" + number, thread, Role.ASSISTANT, MessageStatus.COMPLETE, new Part.Text("hi"));
        store.update(
                done,
                "run_" + number,
                RunStatus.COMPLETE,
                List.of(new ThreadEvent.RunChanged("run_" + number, done.id(), RunStatus.COMPLETE, null)));
    }

    @Test
    void ofManyRunsAtTheSameTimeOneStarts() throws Exception {
        store.createThread("t", "T");
        List<Callable<Boolean>> attempts = IntStream.range(0, 8)
                .<Callable<Boolean>>mapToObj(number -> () -> {
                    try {
                        startRun("t", Integer.toString(number));
                        return true;
                    } catch (ThreadBusyException e) {
                        return false;
                    }
                })
                .toList();

        int started = 0;
        try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Future<Boolean> attempt : pool.invokeAll(attempts)) {
                started += attempt.get() ? 1 : 0;
            }
        }

        assertThat(started).isEqualTo(1);
        assertThat(store.messages("t", 100)).hasSize(2);
    }

    @Test
    void aRunThatEndsJustThenIsOverOrInTheWay() throws Exception {
        store.createThread("t", "T");
        startRun("t", "0");
        for (int number = 0; number < 50; number++) {
            String last = Integer.toString(number);
            String next = Integer.toString(number + 1);
            boolean started;
            try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
                Future<?> end = pool.submit(() -> endRun("t", last));
                Future<Boolean> start = pool.submit(() -> {
                    try {
                        startRun("t", next);
                        return true;
                    } catch (ThreadBusyException e) {
                        return false;
                    }
                });
                end.get();
                started = start.get(); // fails by nothing else
            }
            if (!started) {
                startRun("t", next);
            }
        }
    }

    @Test
    void eventsOfManyWritersAreNumberedWithoutGaps() throws Exception {
        store.createThread("t", "T");
        List<Callable<Object>> writers = IntStream.range(0, 6)
                .<Callable<Object>>mapToObj(_ -> () -> {
                    for (int i = 0; i < 20; i++) {
                        store.append("t", List.of(new ThreadEvent.FilesChanged(), new ThreadEvent.FilesChanged()));
                    }
                    return true;
                })
                .toList();

        try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Future<Object> writer : pool.invokeAll(writers)) {
                writer.get();
            }
        }

        List<StoredEvent> events = store.eventsAfter("t", 0, 1_000);
        assertThat(events).extracting(StoredEvent::number).containsExactlyElementsOf(numbers(1, 240));
        assertThat(store.lastEvent("t")).contains(240L);
    }

    @Test
    void onlyTheNewestEventsAreKept() {
        store.createThread("t", "T");
        List<ThreadEvent> hundred = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            hundred.add(new ThreadEvent.FilesChanged());
        }

        for (int i = 0; i < 25; i++) {
            store.append("t", hundred);
        }

        List<StoredEvent> kept = store.eventsAfter("t", 0, 10_000);
        assertThat(kept).hasSize(ChatStore.EVENTS_KEPT);
        assertThat(kept.getFirst().number()).isEqualTo(501);
        assertThat(kept.getLast().number()).isEqualTo(2_500);
        assertThat(store.eventsAfter("t", 2_498, 10))
                .extracting(StoredEvent::number)
                .containsExactly(2_499L, 2_500L);
    }

    @Test
    void aDeletedThreadLeavesNothing() {
        store.createThread("t", "T");
        startRun("t", "1");

        store.replaceSandbox("t", null, "s1");

        assertThat(store.delete("t")).get().extracting(ChatThread::sandboxId).isEqualTo("s1");

        assertThat(store.delete("t")).isEmpty();
        assertThat(store.thread("t")).isEmpty();
        assertThat(store.snapshot("t")).isEmpty();
        assertThat(store.message("a_1")).isEmpty();
        assertThat(store.eventsAfter("t", 0, 10)).isEmpty();
        assertThat(store.unfinishedRuns("node")).isEmpty();
        assertThatThrownBy(() -> endRun("t", "1")).isInstanceOf(NoSuchThreadException.class);
        assertThatThrownBy(() -> startRun("t", "2")).isInstanceOf(NoSuchThreadException.class);
        assertThatThrownBy(() -> store.rename("t", "x")).isInstanceOf(NoSuchThreadException.class);
    }

    @Test
    void ofTwoNewSandboxesTheFirstWins() {
        store.createThread("t", "T");

        assertThat(store.replaceSandbox("t", null, "s1")).isTrue();
        assertThat(store.replaceSandbox("t", null, "s2")).isFalse();
        assertThat(store.thread("t").orElseThrow().sandboxId()).isEqualTo("s1");
        assertThat(store.replaceSandbox("t", "s1", "s3")).isTrue();
        assertThat(store.thread("t").orElseThrow().sandboxId()).isEqualTo("s3");
        assertThat(store.replaceSandbox("unknown", null, "s4")).isFalse();
    }

    @Test
    void unfinishedRunsAreFoundByNode() {
        store.createThread("t", "T");
        store.createThread("u", "U");
        startRun("t", "1");
        startRun("u", "2");
        endRun("u", "2");

        assertThat(store.unfinishedRuns("node")).extracting(ActiveRun::id).containsExactly("run_1");
        assertThat(store.unfinishedRuns("other")).isEmpty();
        assertThat(store.hasRun("t", "run_1")).isTrue();
        assertThat(store.hasRun("u", "run_1")).isFalse();
    }

    @Test
    void anEndedRunStaysEnded() {
        store.createThread("t", "T");
        startRun("t", "1");
        endRun("t", "1");
        Message late = message("a_1", "t", Role.ASSISTANT, MessageStatus.FAILED);

        store.update(late, "run_1", RunStatus.FAILED, List.of());

        assertThat(store.activeRun("t")).isNull();
    }

    @Test
    void allIsThereAfterReopening() throws Exception {
        DatabaseConfig same = database();
        try (ChatStore first = ChatStore.open(same, clock, _ -> {})) {
            first.createThread("kept", "Kept");
        }
        try (ChatStore second = ChatStore.open(same, clock, _ -> {})) {
            assertThat(second.thread("kept")).isPresent();
        }
    }

    @Test
    void hostileTextIsData() {
        String text = "'; DROP TABLE threads; -- \u0001 %s :id ? \\u0041";
        store.createThread("t", text);
        startRun("t", "1");

        assertThat(store.thread("t").orElseThrow().title()).isEqualTo(text);
    }

    @Test
    void aSecondStoreSeesAndIsKeptOutByTheFirst() throws Exception {
        DatabaseConfig shared = database();
        try (ChatStore one = ChatStore.open(shared, clock, _ -> {});
                ChatStore two = ChatStore.open(shared, clock, _ -> {})) {
            one.createThread("t", "T");
            Message question = message("q", "t", Role.USER, MessageStatus.COMPLETE, new Part.Text("x"));
            Message answer = message("a", "t", Role.ASSISTANT, MessageStatus.RUNNING);
            one.startRun("r1", "n1", question, answer, "x");

            Message other = message("q2", "t", Role.USER, MessageStatus.COMPLETE, new Part.Text("y"));
            Message otherAnswer = message("a2", "t", Role.ASSISTANT, MessageStatus.RUNNING);
            assertThatThrownBy(() -> two.startRun("r2", "n2", other, otherAnswer, "y"))
                    .isInstanceOf(ThreadBusyException.class);
            assertThat(two.eventsAfter("t", 0, 10)).hasSize(4);
        }
    }

    private static List<Long> numbers(long first, long last) {
        return IntStream.rangeClosed((int) first, (int) last)
                .mapToObj(Long::valueOf)
                .toList();
    }

    private List<String> types(String thread, long after) {
        return store.eventsAfter(thread, after, 100).stream()
                .map(event -> event.number() + " "
                        + ChatJson.parse(event.json()).path("type").asText())
                .toList();
    }
}
