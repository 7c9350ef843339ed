package io.athenic.engine;

import static io.athenic.engine.Events.failure;
import static io.athenic.engine.Events.result;
import static io.athenic.engine.Events.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.athenic.engine.testing.EngineExtension;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Limits that end in an event which says what happened. */
final class BoundsTest {
    private static final long MIB = 1L << 20;
    private static final Duration MINUTES = Duration.ofMinutes(5);
    private static final Limits SMALL = new Limits(128 * MIB, 1000, 64, 64 * MIB, 5000);

    @RegisterExtension
    static final EngineExtension ENGINE = new EngineExtension(
            0,
            8,
            new Bounds(
                    new Limits(1024 * MIB, 2000, 512, 2048 * MIB, 200_000),
                    MIB,
                    Duration.ofHours(2),
                    Duration.ZERO,
                    0));

    private static Sandbox small() {
        return ENGINE.engine().create(new SandboxSpec("base", MINUTES, Map.of(), Map.of(), true, true, SMALL));
    }

    @Test
    void aCommandThatIsKilledForMemorySaysSo() throws InterruptedException {
        Sandbox sandbox = small();
        String hog = "python3 -c 'x = bytearray(400 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1'";

        var direct =
                Events.run(sandbox.agent(), ProcessSpec.shell("exec " + hog)).end();
        var child = Events.run(sandbox.agent(), ProcessSpec.shell(hog + "; exit $?"))
                .end();

        assertThat(direct.exited()).isFalse();
        assertThat(direct.error()).isEqualTo("signal: killed (out of memory: the limit of this sandbox is 128 MiB)");
        assertThat(child.exitCode()).isEqualTo(137);
        assertThat(child.error()).contains("exit status 137 (out of memory");
        var told = Events.run(sandbox.agent(), ProcessSpec.shell("kill -9 $$")).end();
        assertThat(told.error()).as("a kill that has nothing to do with memory").isEqualTo("signal: killed");
    }

    @Test
    void aCellIsToldThatItsChildWasKilledForMemory() throws InterruptedException {
        Sandbox sandbox = small();

        var events = run(
                sandbox.defaultContext("python"),
                "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'x = bytearray(400 << 20)\\nfor i in range(0, len(x), 4096): x[i] = 1'])\nprint('on')");
        var bash = failure(run(
                sandbox.defaultContext("bash"),
                "exec python3 -c 'x = bytearray(400 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1'"));

        assertThat(Events.stdout(events)).contains("on");
        assertThat(events)
                .contains(new KernelEvent.Stderr(
                        "[a process was killed: out of memory: the limit of this sandbox is 128 MiB]\n"));
        assertThat(bash.traceback()).contains("out of memory");
    }

    @Test
    void anExecutionThatPrintsTooMuchIsEndedAndItsContextLives() throws InterruptedException {
        CodeContext python = ENGINE.sandbox().defaultContext("python");

        var events = run(python, "kept = 7\nwhile True: print('x' * 1000)");

        assertThat(failure(events).name()).isEqualTo("OutputLimitExceeded");
        assertThat(failure(events).value()).contains("1 MiB");
        assertThat(Events.stdout(events).length()).isBetween((int) MIB, (int) (2 * MIB));
        assertThat(events.getLast()).isInstanceOf(KernelEvent.Finished.class);
        assertThat(result(run(python, "kept"))).isEqualTo("7");
    }

    @Test
    void wishesBeyondTheBoundsAreRefusedWithTheBound() {
        var wish = Limits.DEFAULT.with(1, 4096, null);

        assertThatThrownBy(() ->
                        ENGINE.engine().create(new SandboxSpec("base", MINUTES, Map.of(), Map.of(), true, true, wish)))
                .isInstanceOfSatisfying(
                        EngineException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT))
                .hasMessage("a sandbox of this server may have at most 1024 MiB of memory, not 4096");
    }

    @Test
    void aSandboxEndsWithItsLifetimeHoweverOftenItIsExtended() {
        Sandbox sandbox = ENGINE.sandbox();

        sandbox.setTimeout(Duration.ofHours(20));

        assertThat(Duration.between(sandbox.startedAt(), sandbox.endAt())).isEqualTo(Duration.ofHours(2));
        sandbox.extendTo(sandbox.startedAt().plus(Duration.ofHours(10)));
        assertThat(Duration.between(sandbox.startedAt(), sandbox.endAt())).isEqualTo(Duration.ofHours(2));
    }

    @Test
    void aSandboxThatNobodyUsesEnds() throws InterruptedException {
        var bounds = new Bounds(Bounds.DEFAULT.largest(), MIB, Duration.ofHours(2), Duration.ofSeconds(4), 0);
        var sandbox = new Sandbox[1];
        try (var fixture = io.athenic.engine.testing.EngineFixture.start(0, 2, bounds)) {
            sandbox[0] = fixture.sandbox();
            try (var process = sandbox[0].agent().start(ProcessSpec.shell("sleep 5; echo done"))) {
                assertThat(Events.rest(process).end().exitCode()).isZero();
            }

            await().atMost(Duration.ofSeconds(60)).until(() -> sandbox[0].state() == SandboxState.KILLED);
        }

        assertThat(sandbox[0].killCause()).contains(KillCause.UNUSED);
    }

    @Test
    void noSandboxIsMadeWhenTheMachineIsShortOfMemory() {
        var memory = new HostMemory(1L << 50);

        assertThatThrownBy(memory::check)
                .isInstanceOfSatisfying(
                        EngineException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.RESOURCE_EXHAUSTED))
                .hasMessageContaining("short of memory");
        new HostMemory(0).check();
        assertThat(HostMemory.availableBytes()).isBetween(1L, 1L << 50);
    }
}
