package io.athenic.server;

import io.athenic.engine.Bounds;
import io.athenic.engine.Keeping;
import io.athenic.engine.Limits;
import io.athenic.engine.OnRestart;
import io.athenic.server.ServerConfig.EngineKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;

/**
 * Builds the {@link ServerConfig} from flags, the environment and {@code athenic.properties} in the data folder, in this order of precedence. A key that
 * nobody knows is an error, so that a typing mistake is found at start and not in production.
 */
public final class ConfigLoader {
    /** Property name to environment name. */
    private static final Map<String, String> KEYS = keys();

    private static final List<String> SECRETS = List.of(
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_BASE_URL",
            "OPENAI_API_KEY",
            "OPENAI_BASE_URL",
            "GEMINI_API_KEY",
            "GEMINI_BASE_URL",
            "OLLAMA_API_KEY",
            "OLLAMA_BASE_URL",
            "ATHENIC_MODEL",
            "E2B_API_KEY",
            "E2B_API_URL",
            "E2B_SANDBOX_URL",
            "E2B_DOMAIN");
    /** Read by the launcher, not by the server. */
    private static final List<String> LAUNCHER =
            List.of("ATHENIC_HOME", "ATHENIC_DATA", "ATHENIC_USER", "ATHENIC_TEST_DATA");

    /** What the trees of all templates may take on the disk. */
    private static final long TEMPLATE_BYTES = 10L << 30;

    private final Map<String, String> environment;

    public ConfigLoader(Map<String, String> environment) {
        this.environment = Map.copyOf(environment);
    }

    private static Map<String, String> keys() {
        var keys = new LinkedHashMap<String, String>();
        keys.put("host", "ATHENIC_HOST");
        keys.put("port", "ATHENIC_PORT");
        keys.put("e2b.port", "ATHENIC_E2B_PORT");
        keys.put("engine", "ATHENIC_ENGINE");
        keys.put("pool.size", "ATHENIC_POOL_SIZE");
        keys.put("pool.max", "ATHENIC_POOL_MAX");
        keys.put("sandboxes.max", "ATHENIC_SANDBOXES_MAX");
        keys.put("sandboxes.restart", "ATHENIC_SANDBOXES_RESTART");
        keys.put("sandbox.memory", "ATHENIC_SANDBOX_MEMORY");
        keys.put("sandbox.cpu", "ATHENIC_SANDBOX_CPU");
        keys.put("sandbox.processes", "ATHENIC_SANDBOX_PROCESSES");
        keys.put("sandbox.disk", "ATHENIC_SANDBOX_DISK");
        keys.put("sandbox.io", "ATHENIC_SANDBOX_IO");
        keys.put("sandbox.memory.max", "ATHENIC_SANDBOX_MEMORY_MAX");
        keys.put("sandbox.cpu.max", "ATHENIC_SANDBOX_CPU_MAX");
        keys.put("sandbox.disk.max", "ATHENIC_SANDBOX_DISK_MAX");
        keys.put("sandbox.output", "ATHENIC_SANDBOX_OUTPUT");
        keys.put("sandbox.lifetime", "ATHENIC_SANDBOX_LIFETIME");
        keys.put("sandbox.unused", "ATHENIC_SANDBOX_UNUSED");
        keys.put("host.reserve", "ATHENIC_HOST_RESERVE");
        keys.put("sandbox.idle", "ATHENIC_SANDBOX_IDLE");
        keys.put("paused.max", "ATHENIC_PAUSED_MAX");
        keys.put("paused.age", "ATHENIC_PAUSED_AGE");
        keys.put("snapshots.disk", "ATHENIC_SNAPSHOTS_DISK");
        keys.put("templates.disk", "ATHENIC_TEMPLATES_DISK");
        keys.putAll(EgressSettings.KEYS);
        keys.put("websocket.url", "E2B_WEBSOCKET_URL");
        keys.put("database.url", "DATABASE_URL");
        return keys;
    }

    /**
     * Reads the configuration.
     *
     * @param flags property name to value, from the command line
     * @throws IllegalArgumentException a key is unknown or a value wrong; the message says what to write
     */
    public ServerConfig load(Path data, Path templates, Path roomdSocket, Map<String, String> flags) {
        var values = new HashMap<String, String>(properties(data.resolve("athenic.properties")));
        checkEnvironment();
        KEYS.forEach((key, name) -> {
            String value = environment.get(name);
            if (value != null && !value.isBlank()) {
                values.put(key, value.strip());
            }
        });
        values.putAll(flags);
        var reader = new Values(values);
        String host = reader.text("host", "127.0.0.1");
        if (!List.of("127.0.0.1", "localhost", "::1").contains(host)) {
            throw new IllegalArgumentException(
                    "host is " + host
                            + ": only loopback addresses (127.0.0.1, localhost, ::1) are allowed, since anyone who reaches the port may run code. Put a proxy with a login in front instead.");
        }
        Limits standard = Limits.DEFAULT;
        var limits = new Limits(
                reader.bytes("sandbox.memory", standard.memoryBytes(), 64L << 20, 1L << 40),
                reader.integer("sandbox.cpu", standard.cpuMillis(), 50, 256_000),
                reader.integer("sandbox.processes", standard.pids(), 16, 32_768),
                reader.bytes("sandbox.disk", standard.diskBytes(), 16L << 20, 1L << 40),
                standard.inodes(),
                reader.bytes("sandbox.io", standard.ioBytes(), 0, 1L << 40));
        var secrets = new HashMap<String, String>();
        for (String name : SECRETS) {
            String value = environment.get(name);
            if (value != null && !value.isBlank()) {
                secrets.put(name, value.strip());
            }
        }
        EngineKind engine = reader.choice("engine", EngineKind.EMBEDDED);
        if (engine == EngineKind.E2B && !secrets.containsKey("E2B_API_KEY")) {
            throw new IllegalArgumentException("engine is e2b, but E2B_API_KEY is not set");
        }
        int poolSize = reader.integer("pool.size", 2, 0, 64);
        return new ServerConfig(
                host,
                reader.integer("port", 4000, 0, 65535),
                reader.integer("e2b.port", 4002, 0, 65535),
                data,
                templates,
                roomdSocket,
                engine,
                poolSize,
                reader.integer("pool.max", Math.max(8, poolSize), poolSize, 64),
                reader.integer("sandboxes.max", 400, 1, 500),
                reader.choice("sandboxes.restart", OnRestart.ADOPT),
                limits,
                bounds(reader, limits),
                keeping(reader),
                reader.bytes("templates.disk", TEMPLATE_BYTES, 0, 1L << 50),
                EgressSettings.of(values),
                reader.duration("sandbox.idle", Duration.ofMinutes(30)),
                reader.text("websocket.url", ""),
                reader.text("database.url", ""),
                secrets);
    }

    private static Keeping keeping(Values reader) {
        Keeping standard = Keeping.DEFAULT;
        return new Keeping(
                reader.integer("paused.max", standard.maxPaused(), 0, 2000),
                reader.duration("paused.age", standard.pausedAge()),
                reader.bytes("snapshots.disk", standard.snapshotBytes(), 0, 1L << 50));
    }

    /** Never below what every sandbox gets. */
    private static Bounds bounds(Values reader, Limits limits) {
        Bounds standard = Bounds.DEFAULT;
        Limits largest = standard.largest();
        return new Bounds(
                new Limits(
                        reader.bytes(
                                "sandbox.memory.max",
                                Math.max(largest.memoryBytes(), limits.memoryBytes()),
                                limits.memoryBytes(),
                                1L << 40),
                        reader.integer(
                                "sandbox.cpu.max",
                                Math.max(largest.cpuMillis(), limits.cpuMillis()),
                                limits.cpuMillis(),
                                256_000),
                        Math.max(largest.pids(), limits.pids()),
                        reader.bytes(
                                "sandbox.disk.max",
                                Math.max(largest.diskBytes(), limits.diskBytes()),
                                limits.diskBytes(),
                                1L << 40),
                        Limits.MAX_INODES,
                        limits.ioBytes()),
                reader.bytes("sandbox.output", standard.outputBytes(), 1L << 20, 1L << 40),
                reader.duration("sandbox.lifetime", standard.lifetime()),
                reader.duration("sandbox.unused", standard.unused()),
                reader.bytes("host.reserve", standard.hostReserveBytes(), 0, 1L << 40));
    }

    private static Map<String, String> properties(Path file) {
        if (!Files.exists(file)) {
            return Map.of();
        }
        var properties = new Properties();
        try (var in = Files.newBufferedReader(file)) {
            properties.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + file, e);
        }
        var values = new HashMap<String, String>();
        var unknown = new TreeSet<String>();
        for (String name : properties.stringPropertyNames()) {
            if (KEYS.containsKey(name)) {
                values.put(name, properties.getProperty(name).strip());
            } else {
                unknown.add(name);
            }
        }
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException(
                    file.getFileName() + ": unknown keys " + unknown + "; known are " + KEYS.keySet());
        }
        return values;
    }

    private void checkEnvironment() {
        var unknown = new TreeSet<String>();
        for (String name : environment.keySet()) {
            if (name.startsWith("ATHENIC_")
                    && !KEYS.containsValue(name)
                    && !SECRETS.contains(name)
                    && !LAUNCHER.contains(name)) {
                unknown.add(name);
            }
        }
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException(
                    "unknown environment variables " + unknown + "; known are " + KEYS.values() + " and ATHENIC_MODEL");
        }
    }

    /** The values by key, read as the type that is wanted. */
    private record Values(Map<String, String> values) {
        String text(String key, String standard) {
            return values.getOrDefault(key, standard);
        }

        int integer(String key, int standard, int low, int high) {
            String text = values.get(key);
            if (text == null) {
                return standard;
            }
            try {
                int value = Integer.parseInt(text);
                if (value >= low && value <= high) {
                    return value;
                }
            } catch (NumberFormatException e) {
                // answered below, like a number out of range
            }
            throw new IllegalArgumentException(
                    key + " is " + text + ": a whole number from " + low + " to " + high + " is wanted");
        }

        long bytes(String key, long standard, long low, long high) {
            String text = values.get(key);
            if (text == null) {
                return standard;
            }
            var match = java.util.regex.Pattern.compile("(\\d{1,12})(MiB|GiB)").matcher(text);
            if (match.matches()) {
                long value = Long.parseLong(match.group(1)) << ("MiB".equals(match.group(2)) ? 20 : 30);
                if (value >= low && value <= high) {
                    return value;
                }
            }
            throw new IllegalArgumentException(key + " is " + text + ": a size like 512MiB or 2GiB is wanted, from "
                    + (low >> 20) + "MiB to " + (high >> 30) + "GiB");
        }

        Duration duration(String key, Duration standard) {
            String text = values.get(key);
            if (text == null) {
                return standard;
            }
            var match = java.util.regex.Pattern.compile("(\\d{1,6})(s|m|h)").matcher(text);
            if (match.matches() && Integer.parseInt(match.group(1)) > 0) {
                long number = Long.parseLong(match.group(1));
                return switch (match.group(2)) {
                    case "s" -> Duration.ofSeconds(number);
                    case "m" -> Duration.ofMinutes(number);
                    default -> Duration.ofHours(number);
                };
            }
            throw new IllegalArgumentException(key + " is " + text + ": a time like 90s, 30m or 2h is wanted");
        }

        <E extends Enum<E>> E choice(String key, E standard) {
            String text = values.get(key);
            if (text == null) {
                return standard;
            }
            var names = new ArrayList<String>();
            for (E value : standard.getDeclaringClass().getEnumConstants()) {
                String name = value.name().toLowerCase(Locale.ROOT);
                if (name.equals(text)) {
                    return value;
                }
                names.add(name);
            }
            throw new IllegalArgumentException(key + " is " + text + ": " + String.join(" or ", names) + " is wanted");
        }
    }
}
