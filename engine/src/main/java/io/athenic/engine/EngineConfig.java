package io.athenic.engine;

import io.athenic.engine.egress.EgressConfig;
import java.nio.file.Path;
import java.time.Duration;

/**
 * How the engine runs.
 *
 * @param roomdSocket the socket that roomd serves
 * @param templateRoot folder of the templates; each is {@code NAME/rootfs} in it
 * @param pooling finished rooms kept waiting
 * @param maxSandboxes sandboxes alive at one time, those of the pool not counted
 * @param defaultLimits of sandboxes that name none, and whose template gives none
 * @param createTimeout longest time a create may take
 * @param bounds of all sandboxes
 * @param egress what sandboxes may reach outside
 * @param records folder of the living sandboxes' records, which the next engine reads
 * @param onRestart what becomes of the sandboxes that an engine before this one has left
 * @param keeping bounds of paused sandboxes and snapshots
 */
public record EngineConfig(
        Path roomdSocket,
        Path templateRoot,
        Pooling pooling,
        int maxSandboxes,
        Limits defaultLimits,
        Duration createTimeout,
        Bounds bounds,
        EgressConfig egress,
        Path records,
        OnRestart onRestart,
        Keeping keeping) {
    /** With a pool that does not grow, the default bounds and without network. */
    public EngineConfig(
            Path roomdSocket,
            Path templateRoot,
            int poolSize,
            int maxSandboxes,
            Limits defaultLimits,
            Duration createTimeout,
            Path records,
            OnRestart onRestart) {
        this(
                roomdSocket,
                templateRoot,
                poolSize,
                maxSandboxes,
                defaultLimits,
                createTimeout,
                Bounds.DEFAULT,
                EgressConfig.DEFAULT,
                records,
                onRestart);
    }

    /** With a pool that does not grow and the default bounds of what is kept. */
    public EngineConfig(
            Path roomdSocket,
            Path templateRoot,
            int poolSize,
            int maxSandboxes,
            Limits defaultLimits,
            Duration createTimeout,
            Bounds bounds,
            EgressConfig egress,
            Path records,
            OnRestart onRestart) {
        this(
                roomdSocket,
                templateRoot,
                Pooling.fixed(poolSize),
                maxSandboxes,
                defaultLimits,
                createTimeout,
                bounds,
                egress,
                records,
                onRestart,
                Keeping.DEFAULT);
    }

    public EngineConfig {
        Check.range("maxSandboxes", maxSandboxes, 1, 100_000);
        Check.range("createTimeout", createTimeout, Duration.ofMillis(100), Duration.ofMinutes(10));
    }
}
