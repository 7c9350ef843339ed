package io.athenic.execution;

import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.execution.ExecutionEvent.Failed;
import io.athenic.execution.ExecutionEvent.Stderr;
import io.athenic.execution.ExecutionEvent.Stdout;
import io.athenic.execution.ExecutionEvent.Truncated;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventLogTest {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final LogLimits EACH_ALONE = new LogLimits(1 << 20, 64 << 20, Duration.ZERO, 64 << 10);
    /** Segments of 8 KiB: what is older than 16 KiB is on disk. */
    private static final LogLimits SMALL = new LogLimits(16 << 10, 128 << 10, Duration.ZERO, 64 << 10);

    @TempDir
    private Path folder;

    private EventLog log(LogLimits limits) {
        return new EventLog("e1", folder, limits, InstantSource.system());
    }

    private static List<LogItem> readAll(EventLog log, long after) throws InterruptedException {
        List<LogItem> items = new ArrayList<>();
        try (LogReader reader = log.readAfter(after)) {
            for (LogItem item = reader.next(SOON); item != null; item = reader.next(SOON)) {
                items.add(item);
            }
            assertThat(reader.atEnd()).isTrue();
        }
        return items;
    }

    private static String textOf(List<LogItem> items) {
        var text = new StringBuilder();
        for (LogItem item : items) {
            if (item.event() instanceof Stdout out) {
                text.append(out.text());
            }
        }
        return text.toString();
    }

    private List<Path> files() throws IOException {
        try (var list = Files.list(folder)) {
            return list.sorted().toList();
        }
    }

    private EventLog durable(LogLimits limits) {
        return EventLog.durable("e1", folder, limits, InstantSource.system());
    }

    private EventLog recovered(LogLimits limits) {
        return EventLog.recover("e1", folder, limits, InstantSource.system());
    }

    @Test
    void aDurableLogGoesOnWhereItsWriterWasKilled() throws Exception {
        List<ExecutionEvent> told = new ArrayList<>();
        EventLog killed = durable(SMALL); // never closed
        for (int i = 1; i <= 500; i++) {
            killed.output(ExecutionEvent.Stream.STDOUT, i + " ".repeat(50), i);
        }
        readAllSoFar(killed).forEach(item -> told.add(item.event()));

        try (EventLog log = recovered(SMALL)) {
            assertThat(log.position()).isEqualTo(500);
            assertThat(log.lastSequence()).isEqualTo(500);
            log.output(ExecutionEvent.Stream.STDERR, "more", 501);
            told.add(new Stderr("more"));
            log.end();

            assertThat(readAll(log, 0)).extracting(LogItem::event).containsExactlyElementsOf(told);
            assertThat(log.position()).isEqualTo(501);
        }
        assertThat(files()).isEmpty();
    }

    @Test
    void whatAReaderHasSeenIsWritten() throws Exception {
        EventLog killed = durable(new LogLimits(1 << 20, 64 << 20, Duration.ofHours(1), 64 << 10));
        killed.output(ExecutionEvent.Stream.STDOUT, "a", 1);
        killed.output(ExecutionEvent.Stream.STDOUT, "b", 2);
        assertThat(killed.position()).as("it waits for more of the same stream").isZero();
        assertThat(killed.checkpoint()).isEqualTo(2);
        killed.output(ExecutionEvent.Stream.STDOUT, "c", 3);

        try (EventLog log = recovered(EACH_ALONE)) {
            log.end();
            assertThat(textOf(readAll(log, 0))).isEqualTo("ab");
            assertThat(log.position()).isEqualTo(2);
        }
    }

    @Test
    void aRecordThatWasWrittenInPartIsCutOff() throws Exception {
        EventLog killed = durable(EACH_ALONE);
        killed.output(ExecutionEvent.Stream.STDOUT, "first", 1);
        killed.output(ExecutionEvent.Stream.STDOUT, "second", 2);
        Path file = files().getFirst();
        byte[] all = Files.readAllBytes(file);
        for (int length : new int[] {all.length - 1, all.length / 2 + 3, all.length / 2 + 12}) {
            Files.write(file, java.util.Arrays.copyOf(all, length));

            EventLog log = recovered(EACH_ALONE);
            assertThat(textOf(readAllSoFar(log))).isEqualTo("first");
            assertThat(log.position()).isEqualTo(1);
            log.leave();
        }
        Files.write(file, new byte[] {0, 0});
        try (EventLog log = recovered(EACH_ALONE)) {
            assertThat(log.lastSequence()).isZero();
        }
        assertThat(files()).isEmpty();
    }

    @Test
    void aDurableLogIsBoundedAsAnyOther() throws Exception {
        try (EventLog log = durable(SMALL)) {
            for (int i = 1; i <= 3000; i++) {
                log.output(ExecutionEvent.Stream.STDOUT, "x".repeat(100), i);
            }
            assertThat(log.bytes()).isLessThan(160 << 10);
            log.end();

            List<LogItem> all = readAll(log, 0);

            assertThat(all.getFirst().event()).isInstanceOf(Truncated.class);
            assertThat(all.getLast().sequence()).isEqualTo(3000);
        }
        assertThat(files()).isEmpty();
    }

    private static List<LogItem> readAllSoFar(EventLog log) throws InterruptedException {
        List<LogItem> items = new ArrayList<>();
        try (LogReader reader = log.readAfter(0)) {
            for (LogItem item = reader.next(Duration.ZERO); item != null; item = reader.next(Duration.ZERO)) {
                items.add(item);
            }
        }
        return items;
    }

    @Test
    void numbersEventsDenselyFromOne() throws Exception {
        try (EventLog log = log(EACH_ALONE)) {
            log.stdout("a");
            log.stderr("b");
            log.append(new Failed("E: v", "E", "v", "tb"));
            log.end();

            List<LogItem> all = readAll(log, 0);

            assertThat(all).extracting(LogItem::sequence).containsExactly(1L, 2L, 3L);
            assertThat(all)
                    .extracting(LogItem::event)
                    .containsExactly(new Stdout("a"), new Stderr("b"), new Failed("E: v", "E", "v", "tb"));
            assertThat(readAll(log, 2)).extracting(LogItem::sequence).containsExactly(3L);
            assertThat(log.lastSequence()).isEqualTo(3);
        }
    }

    @Test
    void consecutiveOutputOfOneStreamIsOneEvent() throws Exception {
        var patient = new LogLimits(1 << 20, 64 << 20, Duration.ofHours(1), 1000);
        try (EventLog log = log(patient)) {
            for (int i = 0; i < 500; i++) {
                log.stdout("1\n");
            }
            log.stderr("x");
            log.stdout("y");
            log.end();

            List<LogItem> all = readAll(log, 0);

            assertThat(all).hasSize(3);
            assertThat(all.get(0).event()).isEqualTo(new Stdout("1\n".repeat(500)));
            assertThat(all.get(2).event()).isEqualTo(new Stdout("y"));
        }
    }

    @Test
    void longOutputIsCutIntoEventsAtWholeCharacters() throws Exception {
        var narrow = new LogLimits(1 << 20, 64 << 20, Duration.ofHours(1), 10);
        String text = "aä😀".repeat(100);
        try (EventLog log = log(narrow)) {
            log.stdout(text);
            log.end();

            List<LogItem> all = readAll(log, 0);

            assertThat(textOf(all)).isEqualTo(text);
            assertThat(all)
                    .allSatisfy(item -> assertThat(((Stdout) item.event()).text())
                            .hasSizeLessThanOrEqualTo(10)
                            .doesNotContain("\ufffd"));
        }
    }

    @Test
    void aWaitingReaderGetsOutputWhenItsWindowIsOver() throws Exception {
        var limits = new LogLimits(1 << 20, 64 << 20, Duration.ofMillis(20), 1000);
        try (EventLog log = log(limits);
                LogReader reader = log.readAfter(0)) {
            log.stdout("a");
            log.stdout("b");

            List<LogItem> items = new ArrayList<>(); // two when the window was over between the two
            do {
                items.add(Objects.requireNonNull(reader.next(SOON)));
            } while (textOf(items).length() < 2);

            assertThat(textOf(items)).isEqualTo("ab");
            assertThat(reader.next(Duration.ofMillis(1))).isNull();
            assertThat(reader.atEnd()).isFalse();
        }
    }

    @Test
    void spillsToDiskAndReadsBackTheSame() throws Exception {
        try (EventLog log = log(SMALL)) {
            var expected = new StringBuilder();
            for (int i = 0; i < 300; i++) {
                String line = i + " " + "z".repeat(200) + "\n";
                expected.append(line);
                log.stdout(line);
            }
            log.end();

            assertThat(files()).isNotEmpty();
            assertThat(log.memoryBytes()).isLessThanOrEqualTo(SMALL.memoryBytes());
            assertThat(textOf(readAll(log, 0))).isEqualTo(expected.toString());
            assertThat(readAll(log, 150))
                    .extracting(LogItem::sequence)
                    .isEqualTo(LongStream.rangeClosed(151, 300).boxed().toList());
        }
        assertThat(files()).isEmpty();
    }

    @Test
    void theOldestIsDroppedAndSaidSo() throws Exception {
        try (EventLog log = log(SMALL)) {
            for (int i = 0; i < 2000; i++) {
                log.stdout("z".repeat(200));
            }
            log.end();

            List<LogItem> all = readAll(log, 0);

            Truncated gap = (Truncated) all.get(0).event();
            assertThat(gap.from()).isEqualTo(1);
            assertThat(all.get(0).sequence()).isEqualTo(gap.to());
            assertThat(all.subList(1, all.size()))
                    .extracting(LogItem::sequence)
                    .isEqualTo(
                            LongStream.rangeClosed(gap.to() + 1, 2000).boxed().toList());
            assertThat(log.bytes()).isLessThanOrEqualTo(SMALL.diskBytes() + SMALL.memoryBytes());
        }
    }

    @Test
    void anEventLargerThanTheMemoryIsKept() throws Exception {
        try (EventLog log = log(SMALL)) {
            String picture = "p".repeat(100_000);
            log.append(new ExecutionEvent.Result(Json.object().put("png", picture)));
            log.stdout("after");
            log.end();

            List<LogItem> all = readAll(log, 0);

            assertThat(log.memoryBytes()).isLessThan(1000);
            assertThat(((ExecutionEvent.Result) all.get(0).event())
                            .data()
                            .path("png")
                            .asText())
                    .isEqualTo(picture);
            assertThat(all.get(1).event()).isEqualTo(new Stdout("after"));
        }
    }

    @Test
    void manyReadersSeeTheSameWhileItIsWritten() throws Exception {
        try (EventLog log = log(SMALL);
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<String>> readers = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                Callable<String> read = () -> {
                    List<LogItem> items = readAll(log, 0);
                    assertThat(items)
                            .extracting(LogItem::sequence)
                            .isEqualTo(LongStream.rangeClosed(1, 400).boxed().toList());
                    return textOf(items);
                };
                readers.add(threads.submit(read));
            }
            var expected = new StringBuilder();
            for (int i = 0; i < 400; i++) {
                String text = "line " + i + " " + "x".repeat(50) + "\n";
                expected.append(text);
                log.stdout(text);
            }
            log.end();

            for (Future<String> reader : readers) {
                assertThat(reader.get()).isEqualTo(expected.toString());
            }
        }
    }

    @Test
    void writersOfSeveralThreadsLoseNothing() throws Exception {
        try (EventLog log = log(EACH_ALONE);
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> writers = new ArrayList<>();
            for (int w = 0; w < 4; w++) {
                writers.add(threads.submit(() -> {
                    for (int i = 0; i < 250; i++) {
                        log.stdout("x");
                    }
                }));
            }
            for (Future<?> writer : writers) {
                Object ignored = writer.get();
            }
            log.end();

            assertThat(textOf(readAll(log, 0))).hasSize(1000);
        }
    }

    @Test
    void aReaderThatDoesNotReadDelaysNobody() throws Exception {
        try (EventLog log = log(SMALL);
                LogReader idle = log.readAfter(0)) {
            log.stdout("first");
            assertThat(idle.next(SOON)).isNotNull();
            for (int i = 0; i < 5000; i++) {
                log.stdout("z".repeat(200));
            }
            log.end();

            assertThat(readAll(log, 4990)).hasSize(11);
            LogItem next = Objects.requireNonNull(idle.next(SOON));
            assertThat(next.event())
                    .isInstanceOfSatisfying(
                            Truncated.class, gap -> assertThat(gap.from()).isEqualTo(2));
        }
    }

    @Test
    void nothingIsAddedAfterTheEnd() throws Exception {
        try (EventLog log = log(EACH_ALONE)) {
            log.stdout("a");
            log.end();

            log.stdout("late");
            assertThat(log.append(new Stdout("late"))).isFalse();

            assertThat(readAll(log, 0)).hasSize(1);
        }
    }

    @Test
    void closingReleasesReadersAndDeletesFiles() throws Exception {
        EventLog log = log(SMALL);
        for (int i = 0; i < 500; i++) {
            log.stdout("z".repeat(200));
        }
        try (LogReader reader = log.readAfter(log.lastSequence());
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Callable<Boolean> wait = () -> reader.next(SOON) == null && reader.atEnd();
            Future<Boolean> waiting = threads.submit(wait);

            log.close();

            assertThat(waiting.get()).isTrue();
        }
        assertThat(files()).isEmpty();
    }

    @Test
    void aDiskThatCannotBeWrittenCostsOutputNotMemory() throws Exception {
        Path missing = folder.resolve("missing");
        try (EventLog log = new EventLog("e1", missing, SMALL, InstantSource.system())) {
            for (int i = 0; i < 2000; i++) {
                log.stdout("z".repeat(200));
            }
            log.end();

            assertThat(log.memoryBytes()).isLessThanOrEqualTo(SMALL.memoryBytes());
            List<LogItem> all = readAll(log, 0);
            assertThat(all.get(0).event()).isInstanceOf(Truncated.class);
        }
    }

    @Test
    void aLostFileIsAGapNotAFailure() throws Exception {
        try (EventLog log = log(SMALL)) {
            for (int i = 0; i < 300; i++) {
                log.stdout("z".repeat(200));
            }
            log.end();
            Files.delete(folder.resolve("e1-0.log"));

            List<LogItem> all = readAll(log, 0);

            assertThat(all.get(0).event()).isInstanceOf(Truncated.class);
            assertThat(all.getLast().sequence()).isEqualTo(300);
        }
    }

    @Test
    void aReaderPastTheEndWaitsForIt() throws Exception {
        try (EventLog log = log(EACH_ALONE)) {
            log.stdout("a");
            log.end();

            assertThat(readAll(log, 99)).isEmpty();
        }
    }
}
