package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

final class ValuesTest {
    private static final Duration MINUTE = Duration.ofMinutes(1);

    @Test
    void limitsOutOfRangeNameTheField() {
        refused(() -> new Limits(0, 1000, 100, 1L << 30, 10_000), "memoryBytes");
        refused(() -> new Limits(Long.MAX_VALUE, 1000, 100, 1L << 30, 10_000), "memoryBytes");
        refused(() -> new Limits(1L << 30, -1, 100, 1L << 30, 10_000), "cpuMillis");
        refused(() -> new Limits(1L << 30, 1000, 0, 1L << 30, 10_000), "pids");
        refused(() -> new Limits(1L << 30, 1000, 100, -5, 10_000), "diskBytes");
        refused(() -> new Limits(1L << 30, 1000, 100, 1L << 30, Long.MAX_VALUE), "inodes");
    }

    @Test
    void timeoutsOutOfRangeAreRefused() {
        refused(() -> SandboxSpec.of("base", Duration.ZERO), "timeout");
        refused(() -> SandboxSpec.of("base", Duration.ofSeconds(-1)), "timeout");
        refused(() -> SandboxSpec.of("base", Duration.ofSeconds(Long.MAX_VALUE)), "timeout");
    }

    @Test
    void environmentsThatNoProcessCanHaveAreRefused() {
        refused(() -> spec(Map.of("A=B", "x")), "env");
        refused(() -> spec(Map.of("", "x")), "env");
        refused(() -> spec(Map.of("A", "x\0y")), "env");
        refused(() -> spec(Map.of("A", "x".repeat(40_000))), "env");
    }

    @Test
    void aRefusalShowsNoValueOfAVariable() {
        assertThatThrownBy(() -> spec(Map.of("A", "secret\0"))).hasMessageNotContaining("secret");
    }

    @Test
    void aConfigurationOutOfRangeIsRefused() {
        Path path = Path.of("/nowhere");
        refused(() -> new EngineConfig(path, path, -1, 10, Limits.DEFAULT, MINUTE, path, OnRestart.ADOPT), "poolSize");
        refused(() -> new Pooling(3, 2), "poolMax");
        refused(
                () -> new EngineConfig(path, path, 1, 0, Limits.DEFAULT, MINUTE, path, OnRestart.ADOPT),
                "maxSandboxes");
        refused(
                () -> new EngineConfig(path, path, 1, 10, Limits.DEFAULT, Duration.ZERO, path, OnRestart.ADOPT),
                "createTimeout");
    }

    @Test
    void processesWithoutAProgramOrWithHugeArgumentsAreRefused() {
        refused(() -> ProcessSpec.of(""), "cmd");
        refused(() -> ProcessSpec.of("echo", "x".repeat(600_000)), "args");
        refused(() -> ProcessSpec.of("echo", "a\0b"), "args");
        refused(() -> new ProcessSpec.PtySize(0, 10), "cols");
        refused(() -> ProcessSelector.pid(0), "pid");
    }

    @Test
    void usualNamesOfLanguagesAreKnownAndOthersRefusedWithTheList() {
        assertThat(Languages.canonical(" JS ")).isEqualTo("javascript");
        assertThat(Languages.canonical("sh")).isEqualTo("bash");
        refused(() -> Languages.canonical("cobol"), "python, javascript, bash");
    }

    @Test
    void idsFitAHostNameAndAreLong() {
        Ids ids = new Ids();

        assertThat(ids.sandbox()).matches("i[a-z0-9]{24}");
        assertThat(ids.token()).matches("[0-9a-f]{64}");
        assertThat(ids.sandbox()).isNotEqualTo(ids.sandbox());
    }

    private static SandboxSpec spec(Map<String, String> env) {
        return new SandboxSpec("base", MINUTE, Map.of(), env, true, true, null);
    }

    private static void refused(ThrowingCallable call, String named) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        EngineException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT))
                .hasMessageContaining(named);
    }
}
