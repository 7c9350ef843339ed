package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.athenic.engine.CuttingProxy.Moment;
import io.athenic.engine.testing.RoomdProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A server that is killed at each step of everything that it does with sandboxes; the next one, at each time, must know those that it
 * had answered for, and nothing else may be on the machine.
 */
final class KilledAtEveryStepTest {
    private static final Duration SOON = Duration.ofSeconds(60);

    private final RoomdProcess roomd = RoomdProcess.start(600);
    private final Set<String> rooms = ConcurrentHashMap.newKeySet();
    private volatile boolean holdRecords;

    @TempDir
    Path folder = Path.of("");

    @AfterEach
    void nothingIsLeft() throws Exception {
        try (LaneServer last = new LaneServer(roomd.socket(), roomd, folder.resolve("log"), 0)) {
            last.ask("clear");
            last.end();
        }
        roomd.close();
    }

    @Test
    void theNextServerKnowsWhatWasAnswered() throws Exception {
        try (var proxy = new CuttingProxy(socket(), roomd.socket(), this::roomIsMade)) {
            LaneServer server = start(0);
            try {
                Set<Lane> lanes = EnumSet.allOf(Lane.class);
                for (int step = 1; !lanes.isEmpty(); step++) {
                    for (Moment moment : moments(step)) {
                        Round round = killed(proxy, server, lanes, step, moment);
                        server = start(0);
                        check(server, round);
                        lanes = round.stopped();
                        if (lanes.isEmpty()) {
                            break;
                        }
                    }
                }
            } finally {
                server.close();
            }
        }
    }

    /** A request that is not sent is as the answer to the one before. From the third step on all are of kinds that there were before. */
    private static List<Moment> moments(int step) {
        return switch (step) {
            case 1 -> List.of(Moment.ASKED, Moment.UNDER_WAY, Moment.ANSWERED);
            case 2 -> List.of(Moment.UNDER_WAY, Moment.ANSWERED);
            default -> List.of(Moment.ANSWERED);
        };
    }

    @Test
    void theNextServerKnowsWhatWasAnsweredBeforeARecordWasWritten() throws Exception {
        Set<Lane> recording = EnumSet.of(
                Lane.CREATE, Lane.PAUSE, Lane.PAUSE_FILES, Lane.RESUME, Lane.RESUME_FILES, Lane.RESUME_WITHOUT_MEMORY);
        try (var proxy = new CuttingProxy(socket(), roomd.socket(), this::roomIsMade)) {
            for (int pool : List.of(0, 1)) {
                String title = "pool " + pool;
                try (LaneServer server = start(pool)) {
                    Map<Lane, String> subjects = prepare(server, recording);
                    await(title).atMost(SOON).until(() -> server.ask("pooled").contains("pooled " + pool));
                    holdRecords(subjects);
                    server.ask("act" + words(subjects));
                    await(title)
                            .atMost(SOON)
                            .until(() -> server.ask("recording").size() == recording.size());
                    holdRecords = false;
                    proxy.cut();
                    server.kill();
                    try (LaneServer next = start(0)) {
                        check(next, new Round(title, subjects, server.done(), Set.of()));
                    }
                }
            }
        }
    }

    /** Whoever opens the draft of one of these records, or of a room without one, waits for ever. */
    private void holdRecords(Map<Lane, String> subjects) {
        holdRecords = true;
        rooms.stream()
                .filter(id -> !Files.exists(roomd.records().resolve(id + ".json")))
                .forEach(this::holdRecord);
        subjects.values().stream().filter(id -> !id.equals("-")).forEach(this::holdRecord);
    }

    private synchronized void holdRecord(String id) {
        Path draft = roomd.records().resolve(id + ".draft");
        if (Files.exists(draft)) {
            return;
        }
        try {
            Process made = new ProcessBuilder("mkfifo", draft.toString()).start();
            assertThat(made.waitFor()).isZero();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private record Round(String title, Map<Lane, String> subjects, Set<Lane> done, Set<Lane> stopped) {}

    /** Kills the server when each lane is at that moment of that step, or at its end. */
    private Round killed(CuttingProxy proxy, LaneServer server, Set<Lane> lanes, int step, Moment moment)
            throws Exception {
        Map<Lane, String> subjects = prepare(server, lanes);
        proxy.arm(subjects, step, moment);
        server.ask("act" + words(subjects));
        await("step " + step + ", " + moment).atMost(SOON).until(() -> {
            var there = new ArrayList<>(server.done());
            there.addAll(proxy.stopped().keySet());
            return there.containsAll(lanes);
        });
        Map<Lane, String> stopped = proxy.stopped();
        Set<Lane> done = server.done();
        proxy.cut();
        server.kill();
        return new Round("step " + step + ", " + moment + " " + stopped, subjects, done, stopped.keySet());
    }

    /** What the next server finds is what was answered, works, and can be ended. */
    private void check(LaneServer server, Round round) throws Exception {
        String title = round.title();
        Map<Lane, String> subjects = round.subjects();
        Set<Lane> done = round.done();
        Census census = Census.of(server.ask("list"));
        census.isAllThereIs(title, roomd);
        subjects.forEach((lane, sandbox) -> {
            if (lane == Lane.DESTROY) { // its record goes first
                assertThat(census.ids()).as(title).doesNotContain(sandbox);
            } else if (lane != Lane.CREATE) {
                assertThat(census.ids()).as("%s, %s", title, lane).contains(sandbox);
            }
        });
        long others =
                census.ids().stream().filter(id -> !subjects.containsValue(id)).count();
        long answered = done.stream()
                .filter(lane -> lane == Lane.CREATE || lane == Lane.FORK)
                .count();
        assertThat(others).as(title).isBetween(answered, 2L);
        Set<String> snapshots =
                census.snapshots().stream().map(each -> each.more().getFirst()).collect(Collectors.toSet());
        assertThat(snapshots).as(title).isSubsetOf(subjects.getOrDefault(Lane.SNAPSHOT, ""));
        assertThat(snapshots.isEmpty() && done.contains(Lane.SNAPSHOT))
                .as(title)
                .isFalse();

        assertThat(server.ask("try")).as(title).hasSameSizeAs(census.ids()).allMatch(line -> line.endsWith(" 2 hello"));
        server.ask("clear");
        Census.of(List.of()).isAllThereIs(title, roomd);
    }

    private Map<Lane, String> prepare(LaneServer server, Set<Lane> lanes) throws InterruptedException {
        Map<Lane, String> subjects = new EnumMap<>(Lane.class);
        String names = lanes.stream().map(lane -> " " + lane).reduce("", String::concat);
        for (String line : server.ask("prepare" + names)) {
            String[] words = line.split(" ", -1);
            subjects.put(Lane.valueOf(words[0]), words[1]);
        }
        return subjects;
    }

    private static String words(Map<Lane, String> subjects) {
        return subjects.entrySet().stream().map(each -> " " + each).reduce("", String::concat);
    }

    private void roomIsMade(String sandbox) {
        rooms.add(sandbox);
        if (holdRecords) {
            holdRecord(sandbox);
        }
    }

    private LaneServer start(int pool) throws IOException, InterruptedException {
        LaneServer server = new LaneServer(socket(), roomd, folder.resolve("log"), pool);
        try {
            assertThat(server.ask("ready")).containsExactly("ready true");
            return server;
        } catch (AssertionError e) {
            server.close();
            throw e;
        }
    }

    private Path socket() {
        return folder.resolve("roomd.sock");
    }
}
