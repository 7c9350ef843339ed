package io.athenic.server;

import io.athenic.engine.Bounds;
import io.athenic.engine.Keeping;
import io.athenic.engine.Limits;
import io.athenic.engine.OnRestart;
import io.athenic.engine.egress.EgressConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;

/**
 * Everything that can be configured, fixed at start.
 *
 * @param host address to listen on; only loopback addresses, since there is no login yet
 * @param port port of the app; 0 chooses a free one
 * @param e2bPort port of the E2B API; 0 chooses a free one
 * @param data folder of the server's own files (database, spilled output, key)
 * @param templates folder of the built templates
 * @param roomdSocket unix socket of roomd
 * @param engine which sandboxes are used
 * @param poolSize finished sandboxes that wait for a user
 * @param poolMax so many wait while much is asked for
 * @param maxSandboxes sandboxes alive at once; one more is refused
 * @param onRestart what becomes of the sandboxes that a killed server has left
 * @param limits limits of a sandbox that asks for none of its own
 * @param bounds what no sandbox goes beyond, whatever it asks for
 * @param keeping paused sandboxes and snapshots
 * @param templateBytes what the trees of all templates may take on the disk
 * @param egress what sandboxes reach outside
 * @param idleTimeout how long an unused sandbox of a thread lives
 * @param webSocketUrl the address clients get for live output, for servers behind a proxy; empty: derived from the port
 * @param databaseUrl PostgreSQL address; empty: SQLite in the data folder
 * @param secrets keys of model providers and of E2B, by environment name; never printed
 */
public record ServerConfig(
        String host,
        int port,
        int e2bPort,
        Path data,
        Path templates,
        Path roomdSocket,
        EngineKind engine,
        int poolSize,
        int poolMax,
        int maxSandboxes,
        OnRestart onRestart,
        Limits limits,
        Bounds bounds,
        Keeping keeping,
        long templateBytes,
        EgressConfig egress,
        Duration idleTimeout,
        String webSocketUrl,
        String databaseUrl,
        Map<String, String> secrets) {

    /** Where sandboxes come from. */
    public enum EngineKind {
        /** Our own engine, in this process. */
        EMBEDDED,
        /** E2B's cloud or a cluster, by {@code E2B_API_KEY} and {@code E2B_DOMAIN} or {@code E2B_API_URL}. */
        E2B
    }

    public ServerConfig {
        secrets = Map.copyOf(secrets);
    }

    /** What the configuration is, one line a value, without any secret. */
    public Map<String, String> printable() {
        var lines = new TreeMap<String, String>();
        lines.put("host", host);
        lines.put("port", Integer.toString(port));
        lines.put("e2b.port", Integer.toString(e2bPort));
        lines.put("engine", engine.name().toLowerCase(java.util.Locale.ROOT));
        lines.put("pool.size", Integer.toString(poolSize));
        lines.put("pool.max", Integer.toString(poolMax));
        lines.put("sandboxes.max", Integer.toString(maxSandboxes));
        lines.put("sandboxes.restart", onRestart.name().toLowerCase(java.util.Locale.ROOT));
        lines.put("sandbox.memory", limits.memoryBytes() / (1 << 20) + "MiB");
        lines.put("sandbox.cpu", limits.cpuMillis() + "m");
        lines.put("sandbox.processes", Integer.toString(limits.pids()));
        lines.put("sandbox.disk", limits.diskBytes() / (1 << 20) + "MiB");
        lines.put("sandbox.io", limits.ioBytes() / (1 << 20) + "MiB");
        lines.put("sandbox.memory.max", bounds.largest().memoryBytes() / (1 << 20) + "MiB");
        lines.put("sandbox.cpu.max", bounds.largest().cpuMillis() + "m");
        lines.put("sandbox.disk.max", bounds.largest().diskBytes() / (1 << 20) + "MiB");
        lines.put("sandbox.output", bounds.outputBytes() / (1 << 20) + "MiB");
        lines.put("sandbox.lifetime", bounds.lifetime().toSeconds() + "s");
        lines.put(
                "sandbox.unused",
                bounds.unused().isZero() ? "never" : bounds.unused().toSeconds() + "s");
        lines.put("host.reserve", bounds.hostReserveBytes() / (1 << 20) + "MiB");
        lines.put("paused.max", Integer.toString(keeping.maxPaused()));
        lines.put("paused.age", keeping.pausedAge().toSeconds() + "s");
        lines.put("snapshots.disk", keeping.snapshotBytes() / (1 << 20) + "MiB");
        lines.put("templates.disk", templateBytes / (1 << 20) + "MiB");
        lines.putAll(EgressSettings.printable(egress));
        lines.put("sandbox.idle", idleTimeout.toSeconds() + "s");
        lines.put("websocket.url", webSocketUrl.isEmpty() ? "(from the port)" : webSocketUrl);
        lines.put("database.url", databaseUrl.isEmpty() ? "(SQLite)" : databaseUrl.replaceAll("://[^@/]*@", "://***@"));
        secrets.keySet().forEach(name -> lines.put(name, name.endsWith("_KEY") ? "***" : secrets.get(name)));
        return lines;
    }
}
