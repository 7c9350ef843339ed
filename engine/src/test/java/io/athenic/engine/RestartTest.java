package io.athenic.engine;

import static io.athenic.engine.Events.result;
import static io.athenic.engine.Events.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.athenic.engine.egress.NetworkWish;
import io.athenic.engine.testing.NothingLeft;
import io.athenic.engine.testing.RoomdProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server that is killed, and the next one, with the same roomd in between. */
final class RestartTest {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final Duration MINUTES = Duration.ofMinutes(15);

    private final RoomdProcess roomd = RoomdProcess.start(600);

    @TempDir
    Path folder = Path.of("");

    /** The engine of each test says `shutdown`: nothing may be left then. */
    @AfterEach
    void nothingIsLeft() {
        roomd.close();
    }

    @Test
    void theNextServerGoesOnWithTheSandboxes() throws Exception {
        List<String> ids = killedServer();
        try (Engine engine = start(OnRestart.ADOPT, 10)) {
            assertThat(engine.list()).extracting(Sandbox::id).containsExactlyInAnyOrderElementsOf(ids.subList(0, 3));
            Sandbox sandbox = engine.find(ids.getFirst()).orElseThrow();
            assertThat(sandbox.accessToken()).contains(ids.get(3));
            assertThat(sandbox.metadata()).containsEntry("who", "me");
            assertThat(sandbox.networkWish().internet()).isFalse();
            assertThat(sandbox.limits()).isEqualTo(Limits.DEFAULT);
            assertThat(sandbox.endAt()).isAfter(sandbox.startedAt().plus(Duration.ofMinutes(59)));

            CodeContext python = sandbox.defaultContext("python");
            assertThat(python.id()).isEqualTo(ids.get(4));
            assertThat(python.restarts()).isZero();
            assertThat(result(run(python, "import os; (kept + 1, os.environ['COLOUR'])")))
                    .isEqualTo("(42, 'blue')");
            assertThat(sandbox.contexts()).extracting(CodeContext::language).contains("python", "javascript", "bash");
            CodeContext other = sandbox.contexts().stream()
                    .filter(context -> context.cwd().equals("/tmp"))
                    .findFirst()
                    .orElseThrow();
            assertThat(result(run(other, "other"))).isEqualTo("here");
            assertThat(Events.stdout(run(sandbox.defaultContext("bash"), "echo $shell")))
                    .isEqualTo("kept\n");
            assertThat(sandbox.agent().list()).extracting(ProcessInfo::cmd).isNotEmpty();
            assertThat(result(run(sandbox.createContext("python", "/tmp"), "1+1")))
                    .isEqualTo("2");
            assertThat(Events.stdout(run(sandbox.defaultContext("bash"), "echo $COLOUR")))
                    .isEqualTo("blue\n");

            Sandbox paused = engine.find(ids.get(1)).orElseThrow();
            assertThat(paused.state()).isEqualTo(SandboxState.PAUSED);
            paused.resume(Duration.ofMinutes(5));
            assertThat(result(run(paused.defaultContext("python"), "frozen"))).isEqualTo("1");

            Sandbox busy = engine.find(ids.get(2)).orElseThrow();
            assertThat(result(run(busy.defaultContext("python"), "2+2"))).isEqualTo("4");
            noStranger(engine);
        }
    }

    @Test
    void ofPausedSandboxesTheFilesSurviveAnOrderlyEnd() throws Exception {
        List<String> ids = new ArrayList<>();
        Instant end;
        try (Engine engine = start(OnRestart.ADOPT, 10)) {
            Sandbox frozen = engine.create(new SandboxSpec(
                    "base",
                    Duration.ofMinutes(7),
                    Map.of("who", "me"),
                    Map.of("E", "1"),
                    true,
                    NetworkWish.NONE,
                    null,
                    new Lifecycle(Lifecycle.OnTimeout.PAUSE, true)));
            run(frozen.defaultContext("python"), "open('/home/user/note', 'w').write('frozen')");
            Snapshot snapshot = engine.snapshot(frozen, "base-of-it");
            Sandbox stored = engine.create(SandboxSpec.of(snapshot.id(), MINUTES));
            run(stored.defaultContext("python"), "open('/home/user/note', 'a').write(' stored')");
            engine.deleteSnapshot(snapshot.id());
            Sandbox running = engine.create(SandboxSpec.of("base", MINUTES));
            frozen.pause();
            stored.pause(false);
            ids.addAll(List.of(
                    frozen.id(), stored.id(), running.id(), frozen.accessToken().orElseThrow()));
            end = frozen.endAt();
        }
        roomd.restart();

        try (Engine engine = start(OnRestart.ADOPT, 10)) {
            assertThat(engine.list()).extracting(Sandbox::id).containsExactlyInAnyOrder(ids.get(0), ids.get(1));
            Sandbox frozen = engine.find(ids.get(0)).orElseThrow();
            Sandbox stored = engine.find(ids.get(1)).orElseThrow();
            assertThat(frozen.state()).isEqualTo(SandboxState.PAUSED);
            assertThat(frozen.memoryKept()).isFalse();
            assertThat(frozen.accessToken()).contains(ids.get(3));
            assertThat(frozen.metadata()).containsEntry("who", "me");
            assertThat(frozen.lifecycle()).isEqualTo(new Lifecycle(Lifecycle.OnTimeout.PAUSE, true));
            assertThat(frozen.resumeTimeout()).isEqualTo(Duration.ofMinutes(7));
            assertThat(frozen.endAt()).isEqualTo(end);
            frozen.resume(MINUTES);
            stored.resume(MINUTES);
            assertThat(result(run(
                            frozen.defaultContext("python"),
                            "import os; (open('/home/user/note').read(), os.environ['E'])")))
                    .isEqualTo("('frozen', '1')");
            assertThat(result(run(stored.defaultContext("python"), "open('/home/user/note').read()")))
                    .isEqualTo("frozen stored");
            noStranger(engine);
        }
    }

    @Test
    void ofPausedSandboxesTheFilesSurviveTheDeathOfRoomd() throws Exception {
        String id;
        try (Engine engine = start(OnRestart.ADOPT, 10)) {
            id = pausedWithNote(engine).id();
            assertThat(roomd.handle().destroyForcibly()).isTrue();
            await().atMost(SOON).until(() -> engine.list().isEmpty());
        }
        roomd.restart();

        try (Engine engine = start(OnRestart.ADOPT, 10)) {
            Sandbox paused = resumedWithNote(engine, id);
            assertThat(paused.kill(KillCause.USER)).isTrue();
            assertThat(records()).isEmpty();
        }
    }

    /** The engine that closes finds no roomd to keep the files with: it must leave their record to the next one. */
    @Test
    void ofPausedSandboxesTheFilesSurviveTheDeathOfRoomdWhileTheEngineCloses() throws Exception {
        String id;
        try (Engine engine = start(OnRestart.ADOPT, 10)) {
            id = pausedWithNote(engine).id();
            assertThat(roomd.handle().destroyForcibly()).isTrue();
        }
        assertThat(records()).containsExactly(id + ".json");
        roomd.restart();

        try (Engine engine = start(OnRestart.ADOPT, 10)) {
            var _ = resumedWithNote(engine, id);
        }
    }

    private static Sandbox pausedWithNote(Engine engine) throws InterruptedException {
        Sandbox paused = engine.create(SandboxSpec.of("base", MINUTES));
        run(paused.defaultContext("python"), "open('/home/user/note', 'w').write('x')");
        paused.pause();
        return paused;
    }

    private static Sandbox resumedWithNote(Engine engine, String id) throws InterruptedException {
        Sandbox paused = engine.find(id).orElseThrow();
        paused.resume(MINUTES);
        assertThat(result(run(paused.defaultContext("python"), "open('/home/user/note').read()")))
                .isEqualTo("x");
        return paused;
    }

    @Test
    void thePolicyCanBeToEndThem() throws Exception {
        killedServer();
        try (Engine engine = start(OnRestart.SWEEP, 10)) {
            assertThat(engine.awaitReady(SOON)).isTrue();
            assertThat(engine.list()).isEmpty();
            noStranger(engine);
            assertThat(records()).isEmpty();
        }
    }

    @Test
    void aRecordThatIsDamagedCountsAsAbsentAndOneWithoutARoomIsRemoved() throws Exception {
        List<String> ids = killedServer();
        Path record = roomd.records().resolve(ids.get(0) + ".json");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(record)))
                .isEqualTo("rw-------");
        String text = Files.readString(record);
        Files.writeString(record, text.substring(0, text.length() / 2));
        Path unknown = roomd.records().resolve(ids.get(1) + ".json");
        Files.writeString(unknown, Files.readString(unknown).replaceFirst("\\{", "{\"ofTheFuture\":{\"a\":[1]},"));
        String orphan = "i" + "0".repeat(24);
        Files.writeString(roomd.records().resolve(orphan + ".json"), text.replace(ids.get(0), orphan));
        Files.writeString(roomd.records().resolve(orphan + ".draft"), "{");

        try (Engine engine = start(OnRestart.ADOPT, 10)) {
            assertThat(engine.list()).extracting(Sandbox::id).containsExactlyInAnyOrder(ids.get(1), ids.get(2));
            noStranger(engine);
            assertThat(records()).containsExactlyInAnyOrder(ids.get(1) + ".json", ids.get(2) + ".json");
            endAll(engine);
        }
    }

    @Test
    void whatDiedOrWasOverMeanwhileEnds() throws Exception {
        List<String> ids = killedServer();
        Path over = roomd.records().resolve(ids.get(2) + ".json");
        Files.writeString(
                over,
                Files.readString(over).replaceFirst("\"endAt\":\"[^\"]*\"", "\"endAt\":\"2020-01-01T00:00:00Z\""));
        for (String pid : NothingLeft.processes(roomd)) {
            if (groupsOf(pid).contains(ids.getFirst())) {
                ProcessHandle.of(Long.parseLong(pid)).ifPresent(ProcessHandle::destroyForcibly);
            }
        }

        try (Engine engine = start(OnRestart.ADOPT, 10)) {
            await().atMost(SOON)
                    .untilAsserted(() ->
                            assertThat(engine.list()).extracting(Sandbox::id).containsExactly(ids.get(1)));
            noStranger(engine);
            endAll(engine);
        }
    }

    @Test
    void moreThanAreAllowedNowGoOnAndNoneCanBeMade() throws Exception {
        List<String> ids = killedServer();
        try (Engine engine = start(OnRestart.ADOPT, 2)) {
            assertThat(engine.list()).hasSize(3);
            assertThatThrownBy(() -> engine.create(SandboxSpec.of("base", MINUTES)))
                    .isInstanceOfSatisfying(
                            EngineException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.RESOURCE_EXHAUSTED));
            engine.find(ids.get(0)).orElseThrow().kill(KillCause.USER);
            engine.find(ids.get(1)).orElseThrow().kill(KillCause.USER);
            assertThat(result(run(engine.create(SandboxSpec.of("base", MINUTES)).defaultContext("python"), "1+1")))
                    .isEqualTo("2");
        }
    }

    private static String groupsOf(String pid) {
        try {
            return Files.readString(Path.of("/proc", pid, "cgroup"));
        } catch (IOException _) {
            return ""; // ended meanwhile
        }
    }

    /** The end of an engine leaves the files of paused sandboxes. */
    private static void endAll(Engine engine) {
        engine.list().forEach(sandbox -> sandbox.kill(KillCause.USER));
    }

    /** Rooms on the machine are those of sandboxes and of the pool, once the start is over. */
    private void noStranger(Engine engine) throws InterruptedException {
        assertThat(engine.awaitReady(SOON)).isTrue();
        await().atMost(SOON).until(() -> engine.status().pooled() == 1);
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(NothingLeft.sandboxes(roomd))
                        .hasSize(engine.list().size() + 1)
                        .containsAll(engine.list().stream().map(Sandbox::id).toList()));
    }

    private List<String> records() throws IOException {
        try (var files = Files.list(roomd.records())) {
            return files.map(file -> String.valueOf(file.getFileName())).toList();
        }
    }

    private Engine start(OnRestart policy, int maxSandboxes) {
        return Engine.start(
                new EngineConfig(
                        roomd.socket(),
                        roomd.data().resolve("templates"),
                        1,
                        maxSandboxes,
                        Limits.DEFAULT,
                        Duration.ofSeconds(60),
                        roomd.records(),
                        policy),
                InstantSource.system());
    }

    /** The ids of its three sandboxes, the first one's token, and the id of its Python context. */
    private List<String> killedServer() throws IOException, InterruptedException {
        Path up = folder.resolve("up");
        Path log = folder.resolve("log");
        Process server = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        ServerToKill.class.getName(),
                        roomd.socket().toString(),
                        roomd.data().resolve("templates").toString(),
                        roomd.records().toString(),
                        up.toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            await().atMost(Duration.ofMinutes(2)).until(() -> Files.exists(up) || !server.isAlive());
            assertThat(up).as(Files.readString(log)).exists();
            return List.of(Files.readString(up).split(" "));
        } finally {
            server.destroyForcibly();
            server.waitFor();
        }
    }
}
