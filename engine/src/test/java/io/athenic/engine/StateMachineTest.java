package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class StateMachineTest {
    private final StateMachine<SandboxState> machine =
            new StateMachine<>(SandboxState.RUNNING, Set.of(SandboxState.KILLED));

    @Test
    void aTerminalStateIsNeverLeft() {
        assertThat(machine.end(SandboxState.KILLED)).isTrue();

        assertThat(machine.end(SandboxState.KILLED)).isFalse();
        assertThat(machine.change(SandboxState.KILLED, SandboxState.RUNNING)).isFalse();
        assertThat(machine.get()).isEqualTo(SandboxState.KILLED);
    }

    @Test
    void aChangeFromAnotherStateIsRefused() {
        assertThat(machine.change(SandboxState.PAUSED, SandboxState.RUNNING)).isFalse();
        assertThat(machine.change(SandboxState.RUNNING, SandboxState.PAUSED)).isTrue();
        assertThat(machine.get()).isEqualTo(SandboxState.PAUSED);
    }

    @Test
    void onlyATerminalStateEnds() {
        assertThatThrownBy(() -> machine.end(SandboxState.PAUSED)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void listenersRunOnceWithoutTheLockAndOneThatFailsStopsNone() {
        List<SandboxState> seen = new ArrayList<>();
        machine.onEnd(() -> {
            throw new IllegalStateException("a listener that fails");
        });
        machine.onEnd(() -> seen.add(machine.get()));

        machine.end(SandboxState.KILLED);
        machine.end(SandboxState.KILLED);

        assertThat(seen).containsExactly(SandboxState.KILLED);
    }

    @Test
    void aListenerThatComesLateRunsAtOnceAndOneTakenBackNever() {
        AtomicInteger runs = new AtomicInteger();
        machine.onEnd(() -> runs.addAndGet(100)).close();
        machine.end(SandboxState.KILLED);

        machine.onEnd(runs::incrementAndGet);

        assertThat(runs).hasValue(1);
    }

    @Test
    void ofManyThatEndItOneSucceeds() throws InterruptedException {
        AtomicInteger winners = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            threads.add(Thread.ofVirtual().start(() -> {
                if (machine.end(SandboxState.KILLED)) {
                    winners.incrementAndGet();
                }
            }));
        }
        for (Thread thread : threads) {
            assertThat(thread.join(Duration.ofSeconds(60))).isTrue();
        }

        assertThat(winners).hasValue(1);
    }
}
