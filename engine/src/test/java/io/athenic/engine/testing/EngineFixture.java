package io.athenic.engine.testing;

import io.athenic.engine.Bounds;
import io.athenic.engine.Engine;
import io.athenic.engine.EngineConfig;
import io.athenic.engine.Limits;
import io.athenic.engine.OnRestart;
import io.athenic.engine.Sandbox;
import io.athenic.engine.SandboxSpec;
import io.athenic.engine.egress.EgressConfig;
import io.athenic.engine.egress.Resolver;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import org.awaitility.Awaitility;

/** A started engine with a real roomd. Closing ends both and fails if anything is left on the machine. */
public final class EngineFixture implements AutoCloseable {
    static {
        Awaitility.setDefaultTimeout(
                Duration.ofMinutes(1)); // machines stand still for a while, and others work on them
    }

    private final RoomdProcess roomd;
    private final SettableClock clock = new SettableClock();
    private final Engine engine;

    /** With two rooms in the pool and 64 sandboxes at most. */
    public static EngineFixture start() {
        return start(2, 64);
    }

    public static EngineFixture start(int poolSize, int maxSandboxes) {
        return start(poolSize, maxSandboxes, Bounds.DEFAULT);
    }

    public static EngineFixture start(int poolSize, int maxSandboxes, Bounds bounds) {
        return start(poolSize, maxSandboxes, bounds, EgressConfig.DEFAULT, Resolver.SYSTEM);
    }

    public static EngineFixture start(
            int poolSize, int maxSandboxes, Bounds bounds, EgressConfig egress, Resolver resolver) {
        return new EngineFixture(RoomdProcess.start(), poolSize, maxSandboxes, bounds, egress, resolver);
    }

    private EngineFixture(
            RoomdProcess roomd, int poolSize, int maxSandboxes, Bounds bounds, EgressConfig egress, Resolver resolver) {
        this.roomd = roomd;
        this.engine =
                Engine.start(config(roomd, poolSize, maxSandboxes, bounds, egress), (InstantSource) clock, resolver);
        try {
            if (!engine.awaitReady(Duration.ofMinutes(2))) {
                throw new IllegalStateException("the engine is not ready: " + engine.status() + "\n" + roomd.log());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static EngineConfig config(
            RoomdProcess roomd, int poolSize, int maxSandboxes, Bounds bounds, EgressConfig egress) {
        Path templates = roomd.data().resolve("templates");
        return new EngineConfig(
                roomd.socket(),
                templates,
                poolSize,
                maxSandboxes,
                Limits.DEFAULT,
                Duration.ofSeconds(60),
                bounds,
                egress,
                roomd.records(),
                OnRestart.ADOPT);
    }

    public Engine engine() {
        return engine;
    }

    /** The engine's clock, which can be moved forward. */
    public SettableClock clock() {
        return clock;
    }

    public RoomdProcess roomd() {
        return roomd;
    }

    /** A sandbox of the usual template for five minutes. */
    public Sandbox sandbox() {
        return engine.create(SandboxSpec.of("code-interpreter", Duration.ofMinutes(5)));
    }

    @Override
    public void close() {
        engine.close();
        roomd.close();
    }
}
