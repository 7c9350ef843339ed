package io.athenic.engine;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** What the engine counts and times. Labels come from fixed sets, never from a caller: their number is bounded. */
final class EngineMetrics {
    private static final Duration[] CREATE_BUCKETS = {
        Duration.ofMillis(1),
        Duration.ofMillis(2),
        Duration.ofMillis(5),
        Duration.ofMillis(10),
        Duration.ofMillis(25),
        Duration.ofMillis(60),
        Duration.ofMillis(100),
        Duration.ofMillis(250),
        Duration.ofMillis(1000),
        Duration.ofMillis(5000)
    };

    private final MeterRegistry registry;
    private final Timer pooled;
    private final Timer built;
    private final Counter output;
    private final Counter memoryKills;

    EngineMetrics(MeterRegistry registry) {
        this.registry = registry;
        this.pooled = createTimer("pool");
        this.built = createTimer("build");
        this.output = Counter.builder("athenic.execution.output")
                .description("Text that executions have printed")
                .baseUnit("bytes")
                .register(registry);
        this.memoryKills = Counter.builder("athenic.memory.kills")
                .description("Processes killed because their sandbox's memory was used up")
                .register(registry);
    }

    private Timer createTimer(String source) {
        return Timer.builder("athenic.create")
                .description("Time to make a sandbox, by where its room came from")
                .tag("source", source)
                .serviceLevelObjectives(CREATE_BUCKETS)
                .register(registry);
    }

    void created(boolean fromPool, long nanos) {
        (fromPool ? pooled : built).record(nanos, TimeUnit.NANOSECONDS);
    }

    void createFailed(ErrorCode cause) {
        count("athenic.create.failures", "Creates that failed", "cause", word(cause));
    }

    void sandboxEnded(KillCause cause) {
        count("athenic.sandbox.ends", "Sandboxes that ended, by cause", "cause", word(cause));
    }

    void guestStarted(String kind) {
        count("athenic.guests.started", "Agents and kernels started", "kind", kind);
    }

    /** Not those that ended with their room. */
    void guestEnded(String kind, GuestExit exit) {
        registry.counter(
                        "athenic.guests.ended",
                        "kind",
                        kind,
                        "how",
                        switch (exit) {
                            case GuestExit.Code _ -> "exit";
                            case GuestExit.Signal(int signal) -> signal == 9 ? "killed" : "signal";
                        })
                .increment();
    }

    void executionEnded(String outcome, long printed) {
        count("athenic.executions", "Executions that ended, by outcome", "outcome", outcome);
        output.increment((double) printed);
    }

    void killedForMemory(long processes) {
        memoryKills.increment((double) processes);
    }

    void roomdAnswered(String op, boolean ok, long nanos) {
        Timer.builder("athenic.roomd")
                .description("Time of roomd's answers")
                .tags("op", op, "ok", Boolean.toString(ok))
                .register(registry)
                .record(nanos, TimeUnit.NANOSECONDS);
    }

    private void count(String name, String description, String label, String value) {
        Counter.builder(name)
                .description(description)
                .tag(label, value)
                .register(registry)
                .increment();
    }

    private static String word(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
