package io.athenic.engine;

import static io.athenic.engine.Events.result;
import static io.athenic.engine.Events.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.athenic.engine.Lifecycle.OnTimeout;
import io.athenic.engine.egress.EgressConfig;
import io.athenic.engine.egress.NetworkWish;
import io.athenic.engine.testing.EngineExtension;
import io.athenic.engine.testing.NothingLeft;
import io.athenic.engine.testing.RoomdProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Paused, resumed, copied: what of a sandbox stays and what does not. */
final class LifecycleTest {
    private static final Duration MINUTES = Duration.ofMinutes(5);

    @RegisterExtension
    static final EngineExtension ENGINE = new EngineExtension(1, 6);

    private static Sandbox sandbox(Lifecycle lifecycle) {
        return ENGINE.engine()
                .create(new SandboxSpec(
                        "base", MINUTES, Map.of("a", "b"), Map.of("E", "1"), true, NetworkWish.NONE, null, lifecycle));
    }

    private static void write(Sandbox sandbox, String text) throws InterruptedException {
        run(sandbox.defaultContext("python"), "open('/home/user/note', 'w').write('" + text + "'); kept = 1");
    }

    private static String read(Sandbox sandbox) throws InterruptedException {
        return result(run(sandbox.defaultContext("python"), "open('/home/user/note').read()"));
    }

    private static boolean remembers(Sandbox sandbox) throws InterruptedException {
        return result(run(sandbox.defaultContext("python"), "'kept' in globals()"))
                .equals("True");
    }

    /** Without the drafts that roomd writes behind a caller's back. */
    private static List<Path> files(String folder) throws IOException {
        try (var files = Files.list(ENGINE.fixture().roomd().data().resolve(folder))) {
            return files.filter(file -> !String.valueOf(file.getFileName()).startsWith("."))
                    .toList();
        }
    }

    @Test
    void aPauseWithoutMemoryKeepsFilesOnly() throws InterruptedException {
        Sandbox sandbox = sandbox(Lifecycle.KILL);
        write(sandbox, "x");

        sandbox.pause(false);

        assertThat(sandbox.state()).isEqualTo(SandboxState.PAUSED);
        assertThat(sandbox.memoryKept()).isFalse();
        assertThat(NothingLeft.sandboxes(ENGINE.fixture().roomd())).doesNotContain(sandbox.id());
        code(ErrorCode.FAILED_PRECONDITION, sandbox::pause);
        code(ErrorCode.FAILED_PRECONDITION, sandbox::use);
        code(ErrorCode.FAILED_PRECONDITION, () -> ENGINE.engine().snapshot(sandbox, ""));
        code(ErrorCode.FAILED_PRECONDITION, () -> sandbox.agent().list());
        sandbox.resume(MINUTES);
        assertThat(sandbox.memoryKept()).isTrue();
        assertThat(read(sandbox)).isEqualTo("x");
        assertThat(remembers(sandbox)).isFalse();
        assertThat(result(run(sandbox.defaultContext("python"), "import os\nos.environ['E']")))
                .isEqualTo("1");
        assertThat(Events.run(sandbox.agent(), ProcessSpec.shell("echo $E; cat note"))
                        .stdout())
                .isEqualTo("1\nx");
    }

    @Test
    void aFrozenSandboxCanStartAnewWithItsFiles() throws InterruptedException {
        Sandbox sandbox = sandbox(Lifecycle.KILL);
        write(sandbox, "x");
        sandbox.pause();

        sandbox.resume(MINUTES, false);

        assertThat(read(sandbox)).isEqualTo("x");
        assertThat(remembers(sandbox)).isFalse();
    }

    @Test
    void aFrozenSandboxUsesNoProcessor() throws InterruptedException {
        Sandbox sandbox = sandbox(Lifecycle.KILL);
        try (CodeStream busy =
                sandbox.defaultContext("python").execute("print(1, flush=True)\nwhile True: pass", Map.of())) {
            Events.next(busy);
            sandbox.pause();
            long before = sandbox.use().cpuMicros();
            Sandbox other = ENGINE.sandbox();
            run(other.defaultContext("python"), "sum(range(3_000_000))");

            assertThat(sandbox.use().cpuMicros()).isEqualTo(before);
            sandbox.resume(MINUTES);
            await().until(() -> sandbox.use().cpuMicros() > before);
        }
    }

    @Test
    void whatIsStoredTakesNoPlaceAndItsEndLeavesNothing() throws InterruptedException, IOException {
        Sandbox stored = sandbox(Lifecycle.KILL);
        stored.pause(false);
        for (int i = 0; i < 6; i++) {
            ENGINE.sandbox();
        }

        code(ErrorCode.RESOURCE_EXHAUSTED, () -> stored.resume(MINUTES));
        assertThat(stored.state()).isEqualTo(SandboxState.PAUSED);
        ENGINE.engine().list().stream()
                .filter(each -> each != stored)
                .findFirst()
                .orElseThrow()
                .kill(KillCause.USER);
        stored.resume(MINUTES);
        stored.pause(false);
        assertThat(files("kept")).hasSize(2);
        assertThat(stored.kill(KillCause.USER)).isTrue();

        assertThat(files("kept")).isEmpty();
        ENGINE.sandbox(); // the place is free once, not twice
        code(ErrorCode.RESOURCE_EXHAUSTED, ENGINE::sandbox);
    }

    @Test
    void atItsTimeoutASandboxIsPausedAsItWanted() throws InterruptedException {
        Sandbox frozen = sandbox(new Lifecycle(OnTimeout.PAUSE, true));
        Sandbox stored = sandbox(new Lifecycle(OnTimeout.PAUSE_FILES, false));
        write(frozen, "f");
        write(stored, "s");

        ENGINE.fixture().clock().advance(Duration.ofMinutes(6));

        await().until(() -> frozen.state() == SandboxState.PAUSED && stored.state() == SandboxState.PAUSED);
        await().until(() -> !stored.memoryKept());
        assertThat(frozen.memoryKept()).isTrue();
        frozen.resume(MINUTES);
        stored.resume(MINUTES);
        assertThat(List.of(read(frozen), read(stored))).containsExactly("f", "s");
        assertThat(remembers(frozen)).isTrue();
        ENGINE.fixture().clock().advance(Duration.ofMinutes(6));
        await().until(() -> frozen.state() == SandboxState.PAUSED && !stored.memoryKept());
        ENGINE.fixture().clock().advance(Keeping.DEFAULT.pausedAge());
        await().until(() -> ENGINE.engine().list().isEmpty());
        assertThat(frozen.killCause()).contains(KillCause.PAUSED_TOO_LONG);
        await().until(() -> NothingLeft.sandboxes(ENGINE.fixture().roomd()).stream()
                .noneMatch(frozen.id()::equals)); // until then it takes a place from the next test
    }

    @Test
    void sandboxesAreMadeFromASnapshot() throws InterruptedException, IOException {
        Sandbox origin = sandbox(Lifecycle.KILL);
        write(origin, "first");
        Snapshot snapshot = ENGINE.engine().snapshot(origin, "my-work");
        write(origin, "second");

        Sandbox one = ENGINE.engine().create(SandboxSpec.of(snapshot.id(), MINUTES));
        Sandbox two = ENGINE.engine().create(SandboxSpec.of("my-work", MINUTES));
        write(two, "other");

        assertThat(List.of(read(origin), read(one), read(two))).containsExactly("second", "first", "other");
        assertThat(remembers(one)).isFalse();
        assertThat(ENGINE.engine().snapshots()).containsExactly(snapshot);
        assertThat(snapshot.sandboxId()).isEqualTo(origin.id());
        assertThat(snapshot.name()).contains("my-work:default");
        Snapshot newer = ENGINE.engine().snapshot(two, "my-work");
        assertThat(newer.layers()).containsExactly(snapshot.id(), newer.id());
        assertThat(ENGINE.engine().findSnapshot("my-work")).contains(newer);
        assertThat(ENGINE.engine().deleteSnapshot(newer.id())).isTrue();
        assertThat(ENGINE.engine().deleteSnapshot(newer.id())).isFalse();
        assertThat(ENGINE.engine().deleteSnapshot("my-work")).isTrue();
        code(ErrorCode.NOT_FOUND, () -> ENGINE.engine().create(SandboxSpec.of(snapshot.id(), MINUTES)));
        assertThat(read(one)).isEqualTo("first");
        one.kill(KillCause.USER);
        two.kill(KillCause.USER);
        assertThat(files("snapshots")).isEmpty();
        code(ErrorCode.INVALID_ARGUMENT, () -> ENGINE.engine().snapshot(origin, "Not A Name"));
        code(ErrorCode.INVALID_ARGUMENT, () -> ENGINE.engine().snapshot(origin, "base"));
    }

    @Test
    void snapshotsLieOnEachOtherWithoutEnd() throws InterruptedException, IOException {
        String last = "base";
        for (int i = 0; i < 20; i++) {
            Sandbox sandbox = ENGINE.engine().create(SandboxSpec.of(last, MINUTES));
            run(sandbox.defaultContext("python"), "open('/home/user/note', 'a').write('" + i + " ')");
            Snapshot snapshot = ENGINE.engine().snapshot(sandbox, "");
            sandbox.kill(KillCause.USER);
            ENGINE.engine().deleteSnapshot(last);
            last = snapshot.id();
        }
        Sandbox sandbox = ENGINE.engine().create(SandboxSpec.of(last, MINUTES));
        Snapshot deepest = ENGINE.engine().findSnapshot(last).orElseThrow();

        assertThat(read(sandbox)).isEqualTo("0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 ");
        assertThat(deepest.layers()).hasSize(5); // of the first sixteen was made one
        assertThat(files("snapshots")).hasSize(2 * 5);
        sandbox.pause(false);
        assertThat(ENGINE.engine().deleteSnapshot(last)).isTrue();
        sandbox.resume(MINUTES);
        assertThat(read(sandbox)).endsWith("18 19 ");
        sandbox.kill(KillCause.USER);
        assertThat(files("snapshots")).isEmpty();
    }

    @Test
    void forksHaveTheFilesAndLeaveNoSnapshot() throws InterruptedException, IOException {
        Sandbox origin = sandbox(new Lifecycle(OnTimeout.PAUSE, false));
        write(origin, "x");

        List<Fork> forks = ENGINE.engine().fork(origin, 6, MINUTES);

        List<Sandbox> made = forks.stream()
                .filter(Fork.Made.class::isInstance)
                .map(fork -> ((Fork.Made) fork).sandbox())
                .toList();
        assertThat(made).hasSize(5); // six places, one of which is the origin's
        assertThat(forks).filteredOn(Fork.Failed.class::isInstance).hasSize(1);
        for (Sandbox fork : made) {
            assertThat(read(fork)).isEqualTo("x");
            assertThat(fork.metadata()).isEqualTo(origin.metadata());
            assertThat(fork.lifecycle()).isEqualTo(origin.lifecycle());
            assertThat(fork.accessToken()).isNotEqualTo(origin.accessToken());
        }
        assertThat(ENGINE.engine().snapshots()).isEmpty();
        assertThat(remembers(origin)).isTrue();
        made.forEach(fork -> fork.kill(KillCause.USER));
        assertThat(files("snapshots")).isEmpty();
        code(ErrorCode.INVALID_ARGUMENT, () -> ENGINE.engine().fork(origin, 0, MINUTES));
        code(ErrorCode.INVALID_ARGUMENT, () -> ENGINE.engine().fork(origin, 33, MINUTES));
    }

    @Test
    void theBoundsHold() {
        try (RoomdProcess roomd = RoomdProcess.start();
                Engine engine = Engine.start(
                        new EngineConfig(
                                roomd.socket(),
                                roomd.data().resolve("templates"),
                                Pooling.fixed(0),
                                4,
                                Limits.DEFAULT,
                                Duration.ofMinutes(1),
                                Bounds.DEFAULT,
                                EgressConfig.DEFAULT,
                                roomd.data().resolve("records"),
                                OnRestart.ADOPT,
                                new Keeping(1, Duration.ofDays(1), 1000)),
                        java.time.InstantSource.system())) {
            Sandbox one = engine.create(SandboxSpec.of("base", MINUTES));
            Sandbox two = engine.create(SandboxSpec.of("base", MINUTES));
            one.pause();

            code(ErrorCode.RESOURCE_EXHAUSTED, two::pause);
            code(ErrorCode.RESOURCE_EXHAUSTED, () -> engine.snapshot(two, ""));

            assertThat(two.state()).isEqualTo(SandboxState.RUNNING);
            one.resume(MINUTES);
            two.pause(false);
            assertThat(two.kill(KillCause.USER)).isTrue();
        }
    }

    private static void code(ErrorCode code, ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        EngineException.class, e -> assertThat(e.code()).isEqualTo(code));
    }
}
