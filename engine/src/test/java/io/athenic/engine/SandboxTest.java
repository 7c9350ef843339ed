package io.athenic.engine;

import static io.athenic.engine.Events.result;
import static io.athenic.engine.Events.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.athenic.engine.egress.NetworkWish;
import io.athenic.engine.testing.EngineExtension;
import io.athenic.engine.testing.NothingLeft;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

final class SandboxTest {
    private static final Duration MINUTES = Duration.ofMinutes(5);

    @RegisterExtension
    static final EngineExtension ENGINE = new EngineExtension(2, 60);

    @Test
    void whatTheCallerGaveIsKept() {
        SandboxSpec spec = new SandboxSpec(
                "code-interpreter-v1", MINUTES, Map.of("who", "me"), Map.of("A", "1"), true, false, null);

        Sandbox sandbox = ENGINE.engine().create(spec);

        assertThat(sandbox.id()).matches("i[a-z0-9]{20,31}");
        assertThat(sandbox.template()).isEqualTo("code-interpreter");
        assertThat(sandbox.metadata()).containsEntry("who", "me");
        assertThat(sandbox.env()).containsEntry("A", "1");
        assertThat(sandbox.accessToken())
                .hasValueSatisfying(token -> assertThat(token).hasSize(64));
        assertThat(sandbox.endAt()).isEqualTo(sandbox.startedAt().plus(MINUTES));
        assertThat(sandbox.networkWish().internet()).isFalse();
        assertThat(ENGINE.engine().find(sandbox.id())).contains(sandbox);
        assertThat(ENGINE.engine().list()).containsExactly(sandbox);
    }

    @Test
    void theEnvironmentReachesCodeInEveryLanguageAndProcesses() throws InterruptedException {
        Sandbox sandbox = ENGINE.engine()
                .create(new SandboxSpec("base", MINUTES, Map.of(), Map.of("GREETING", "hi"), false, true, null));

        assertThat(result(run(sandbox.defaultContext("python"), "import os\nos.environ['GREETING']")))
                .isEqualTo("hi");
        assertThat(Events.stdout(run(sandbox.defaultContext("bash"), "echo $GREETING")))
                .isEqualTo("hi\n");
        assertThat(Events.run(sandbox.agent(), ProcessSpec.shell("echo $GREETING"))
                        .stdout())
                .isEqualTo("hi\n");
        assertThat(sandbox.accessToken()).isEmpty();
    }

    @Test
    void codeMayChangeAVariableOfTheSandboxForGood() throws InterruptedException {
        SandboxSpec spec = new SandboxSpec("base", MINUTES, Map.of(), Map.of("A", "1"), false, true, null);
        CodeContext python = ENGINE.engine().create(spec).defaultContext("python");

        run(python, "import os\nos.environ['A'] = '2'");
        assertThat(result(run(python, "os.environ['A']"))).isEqualTo("2");

        run(python, "os._exit(0)");
        assertThat(result(run(python, "import os\nos.environ['A']"))).isEqualTo("1");
    }

    @Test
    void twoSandboxesShareNothing() throws InterruptedException {
        Sandbox one = ENGINE.sandbox();
        Sandbox two = ENGINE.sandbox();
        run(one.defaultContext("python"), "secret = 1\nopen('/home/user/secret', 'w').write('x')");
        run(one.defaultContext("python"), "import subprocess\np = subprocess.Popen(['sleep', '4242'])");

        assertThat(Events.failure(run(two.defaultContext("python"), "secret")).name())
                .isEqualTo("NameError");
        assertThat(result(run(two.defaultContext("python"), "import os\nos.path.exists('/home/user/secret')")))
                .isEqualTo("False");
        assertThat(Events.run(two.agent(), ProcessSpec.shell("cat /proc/[0-9]*/cmdline | tr '\\0' ' '"))
                        .stdout())
                .doesNotContain("4242");
        assertThat(one.id()).isNotEqualTo(two.id());
        assertThat(one.accessToken()).isNotEqualTo(two.accessToken());
    }

    @Test
    void killLeavesNothingAndHappensOnce() throws InterruptedException {
        Sandbox sandbox = ENGINE.sandbox();
        run(
                sandbox.defaultContext("python"),
                "import subprocess\nsubprocess.Popen('sleep 1000 & sleep 1000', shell=True)");
        AtomicInteger ends = new AtomicInteger();
        sandbox.onEnd(ends::incrementAndGet);

        assertThat(sandbox.kill(KillCause.USER)).isTrue();
        assertThat(sandbox.kill(KillCause.TIMEOUT)).isFalse();

        assertThat(NothingLeft.sandboxes(ENGINE.fixture().roomd())).doesNotContain(sandbox.id());
        assertThat(sandbox.state()).isEqualTo(SandboxState.KILLED);
        assertThat(sandbox.killCause()).contains(KillCause.USER);
        assertThat(ends).hasValue(1);
        assertThat(ENGINE.engine().find(sandbox.id())).isEmpty();
        code(ErrorCode.NOT_FOUND, () -> sandbox.agent().list());
        code(ErrorCode.NOT_FOUND, () -> sandbox.defaultContext("python").execute("1", Map.of()));
        code(ErrorCode.NOT_FOUND, () -> sandbox.setTimeout(MINUTES));
    }

    @Test
    void killEndsWhatIsUnderWay() throws InterruptedException {
        Sandbox sandbox = ENGINE.sandbox();
        try (CodeStream code = sandbox.defaultContext("python").execute("while True: pass", Map.of());
                ProcessStream process = sandbox.agent().start(ProcessSpec.of("/bin/sleep", "300"))) {
            Events.next(code);
            Events.next(process);

            sandbox.kill(KillCause.USER);

            assertThat(Events.failure(Events.rest(code)).value())
                    .contains("has ended")
                    .contains("killed by a request");
            assertThatThrownBy(() -> Events.next(process)).isInstanceOf(EngineException.class);
        }
    }

    @Test
    void aSandboxEndsWhenItsTimeIsOver() {
        Sandbox sandbox = ENGINE.sandbox();
        Sandbox longer = ENGINE.sandbox();
        longer.setTimeout(Duration.ofHours(2));

        ENGINE.fixture().clock().advance(Duration.ofMinutes(6));

        await().until(() -> ENGINE.engine().list().equals(List.of(longer)));
        assertThat(sandbox.killCause()).contains(KillCause.TIMEOUT);
    }

    @Test
    void extendingNeverShortensAndSettingDoes() {
        Sandbox sandbox = ENGINE.sandbox();
        var before = sandbox.endAt();

        sandbox.extendTo(before.minusSeconds(10));
        assertThat(sandbox.endAt()).isEqualTo(before);
        sandbox.extendTo(before.plusSeconds(10));
        assertThat(sandbox.endAt()).isEqualTo(before.plusSeconds(10));
        sandbox.setTimeout(Duration.ofMinutes(1));
        assertThat(sandbox.endAt()).isBefore(before);
        code(ErrorCode.INVALID_ARGUMENT, () -> sandbox.setTimeout(Duration.ofSeconds(-1)));
        code(ErrorCode.INVALID_ARGUMENT, () -> sandbox.extendTo(before.plus(Duration.ofDays(2))));
    }

    @Test
    void aPausedSandboxKeepsItsStateAndRefusesWork() throws InterruptedException {
        Sandbox sandbox = ENGINE.sandbox();
        run(sandbox.defaultContext("python"), "kept = 9");

        sandbox.pause();

        assertThat(sandbox.state()).isEqualTo(SandboxState.PAUSED);
        code(ErrorCode.FAILED_PRECONDITION, () -> sandbox.agent().list());
        code(ErrorCode.FAILED_PRECONDITION, sandbox::pause);
        sandbox.resume(MINUTES);
        assertThat(result(run(sandbox.defaultContext("python"), "kept"))).isEqualTo("9");
    }

    @Test
    void aPausedSandboxCanBeKilled() {
        Sandbox sandbox = ENGINE.sandbox();
        sandbox.pause();

        assertThat(sandbox.kill(KillCause.USER)).isTrue();
        assertThat(NothingLeft.sandboxes(ENGINE.fixture().roomd())).doesNotContain(sandbox.id());
    }

    @Test
    void ownLimitsHold() {
        Limits small = new Limits(256L << 20, 500, 64, 64L << 20, 5000);

        Sandbox sandbox =
                ENGINE.engine().create(new SandboxSpec("base", MINUTES, Map.of(), Map.of(), true, true, small));

        assertThat(sandbox.limits()).isEqualTo(small);
        assertThat(sandbox.use().memoryLimitBytes()).isEqualTo(small.memoryBytes());
        assertThat(sandbox.use().diskTotalBytes()).isLessThanOrEqualTo(small.diskBytes());
    }

    @Test
    void anUnknownTemplateIsNotFound() {
        code(ErrorCode.NOT_FOUND, () -> ENGINE.engine().create(SandboxSpec.of("no-such", MINUTES)));
        code(ErrorCode.NOT_FOUND, () -> ENGINE.engine().create(SandboxSpec.of("../../etc", MINUTES)));
        assertThat(ENGINE.engine().hasTemplate("base")).isTrue();
        assertThat(ENGINE.engine().hasTemplate("no-such")).isFalse();
    }

    @Test
    void thePoolServesCreatesAndFillsAgain() {
        Engine engine = ENGINE.engine();
        await().atMost(Duration.ofSeconds(60)).until(() -> engine.status().pooled() == 2);
        long hits = engine.status().poolHits();
        long before = System.nanoTime();

        Sandbox sandbox = ENGINE.sandbox();

        assertThat(engine.status().poolHits()).isEqualTo(hits + 1);
        // How long its room has waited is no time without use.
        assertThat(sandbox.room().unusedNanos()).isLessThanOrEqualTo(System.nanoTime() - before);
        await().atMost(Duration.ofSeconds(60)).until(() -> engine.status().pooled() == 2);
    }

    @Test
    void fiftyCreatesAtOnceAllWorkAndTheBoundIsKept() throws InterruptedException {
        Set<String> answers = ConcurrentHashMap.newKeySet();
        List<Throwable> failures = new ArrayList<>();
        CountDownLatch done = new CountDownLatch(50);
        for (int i = 0; i < 50; i++) {
            int number = i;
            Thread.ofVirtual().start(() -> {
                try {
                    Sandbox sandbox = ENGINE.sandbox();
                    answers.add(sandbox.id() + result(run(sandbox.defaultContext("python"), "n = " + number + "\nn")));
                } catch (InterruptedException | RuntimeException e) {
                    synchronized (failures) {
                        failures.add(e);
                    }
                } finally {
                    done.countDown();
                }
            });
        }
        assertThat(done.await(3, TimeUnit.MINUTES)).isTrue();

        assertThat(failures).isEmpty();
        assertThat(answers).hasSize(50);
        for (int i = 50; i < 60; i++) {
            ENGINE.sandbox();
        }
        code(ErrorCode.RESOURCE_EXHAUSTED, ENGINE::sandbox);
        ENGINE.engine().list().getFirst().kill(KillCause.USER);
        ENGINE.sandbox();
    }

    @Test
    void aRoomThatDiesEndsItsSandbox() throws InterruptedException {
        Sandbox sandbox = ENGINE.sandbox();

        try (ProcessStream process =
                sandbox.agent().start(ProcessSpec.shell("kill -9 1; kill -9 -1").withUser("root"))) {
            Events.rest(process);
        } catch (EngineException expected) {
            assertThat(expected.code()).isEqualTo(ErrorCode.UNAVAILABLE);
        }

        // Whether or not a room's root can end its init, the sandbox either works on or is gone; it never hangs.
        await().atMost(Duration.ofSeconds(60))
                .ignoreExceptions()
                .until(() -> sandbox.state() == SandboxState.KILLED
                        || result(run(sandbox.defaultContext("python"), "1+1")).equals("2"));
    }

    @Test
    void aGuestThatStopsAnsweringHoldsNobodyElse() throws InterruptedException {
        Sandbox stopped = ENGINE.sandbox();
        Sandbox other = ENGINE.sandbox();
        ProcessSpec stop = ProcessSpec.shell(
                        "for p in $(pgrep -u root); do test $p = 1 || test $p = $$ || kill -STOP $p; done")
                .withUser("root");
        stopped.agent().start(stop).close();
        AtomicInteger failed = new AtomicInteger();
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < 400; i++) {
            callers.add(Thread.ofVirtual().start(() -> {
                try {
                    while (stopped.agent().list().size() < 1000) {
                        Thread.onSpinWait(); // until the agent has stopped: then each call waits
                    }
                } catch (EngineException e) {
                    failed.incrementAndGet();
                }
            }));
        }
        assertThat(result(run(other.defaultContext("python"), "1+1"))).isEqualTo("2");
        stopped.kill(KillCause.USER);

        for (Thread caller : callers) {
            assertThat(caller.join(Events.LONG)).isTrue();
        }
        assertThat(failed).hasValue(400);
    }

    private static void code(ErrorCode code, ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        EngineException.class, e -> assertThat(e.code()).isEqualTo(code));
    }

    @Test
    void withoutNetworkProgramsFailAtOnce() throws Exception {
        Sandbox sandbox = ENGINE.sandbox();
        ProcessSpec curl = ProcessSpec.of("/usr/bin/curl", "-sS", "--max-time", "60", "https://example.com/");

        assertThat(sandbox.networkPolicy().anything()).isFalse();
        try (ProcessStream stream = sandbox.agent().start(curl)) {
            assertThat(output(stream)).contains("Could not resolve host");
        }
        assertThatThrownBy(() -> sandbox.setNetwork(NetworkWish.INTERNET))
                .isInstanceOf(EngineException.class)
                .hasMessageContaining("egress");
        sandbox.setNetwork(NetworkWish.NONE);
        assertThat(sandbox.networkEvents()).isEmpty();
    }

    @Test
    void aBuildHasNetworkWhereSandboxesHaveNone() throws Exception {
        Sandbox sandbox = ENGINE.engine()
                .create(new SandboxSpec("base", MINUTES, Map.of(), Map.of(), false, NetworkWish.BUILD, null));

        assertThat(sandbox.networkPolicy().otherwise()).isTrue();
        try (ProcessStream stream =
                sandbox.agent().start(ProcessSpec.of("/usr/bin/curl", "-sS", "http://169.254.169.254/"))) {
            assertThat(output(stream)).contains("169.254.169.254:80: its address is link-local");
        }
        // What waits for programs all the time is no use of the sandbox.
        await().untilAsserted(() -> assertThat(sandbox.room().unusedNanos()).isPositive());
    }

    private static String output(ProcessStream stream) throws InterruptedException {
        StringBuilder text = new StringBuilder();
        while (true) {
            switch (stream.next(Duration.ofMinutes(1))) {
                case ProcessEvent.Stdout(byte[] bytes) -> text.append(new String(bytes, StandardCharsets.UTF_8));
                case ProcessEvent.Stderr(byte[] bytes) -> text.append(new String(bytes, StandardCharsets.UTF_8));
                case ProcessEvent.Ended _ -> {
                    return text.toString();
                }
                case null -> throw new AssertionError("no end");
                default -> {}
            }
        }
    }
}
