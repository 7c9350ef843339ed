package io.athenic.engine;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;

/** Checks of callers' values: a refusal names the field, what was wanted and what was found. */
final class Check {
    private Check() {}

    static void argument(boolean holds, String message) {
        if (!holds) {
            throw new EngineException(ErrorCode.INVALID_ARGUMENT, message);
        }
    }

    static void range(String field, long value, long low, long high) {
        argument(value >= low && value <= high, field + " must be " + low + " to " + high + ", not " + value);
    }

    static void range(String field, Duration value, Duration low, Duration high) {
        argument(
                value.compareTo(low) >= 0 && value.compareTo(high) <= 0,
                field + " must be " + low.toMillis() + " ms to " + high.toSeconds() + " s, not " + value);
    }

    /** A path or name: not longer than {@code maxBytes} in UTF-8 and without NUL, which ends a C string. */
    static void text(String field, String value, int maxBytes) {
        argument(value.indexOf('\0') < 0, field + " holds a NUL character");
        int bytes = value.getBytes(StandardCharsets.UTF_8).length;
        argument(bytes <= maxBytes, field + " is longer than " + maxBytes + " bytes: " + bytes);
    }

    /** A string map of which the keys and values together are at most {@code maxBytes} in UTF-8. */
    static void map(String field, Map<String, String> map, int maxEntries, int maxBytes) {
        range(field + " entries", map.size(), 0, maxEntries);
        long bytes = 0;
        for (Map.Entry<String, String> entry : map.entrySet()) {
            bytes += entry.getKey().getBytes(StandardCharsets.UTF_8).length;
            bytes += entry.getValue().getBytes(StandardCharsets.UTF_8).length;
        }
        argument(bytes <= maxBytes, field + " is larger than " + maxBytes + " bytes: " + bytes);
    }

    /** An environment: names without '=' and NUL, values without NUL, at most 1000 entries and 32 KiB together. */
    static void environment(String field, Map<String, String> env) {
        map(field, env, 1000, 32 * 1024);
        for (Map.Entry<String, String> entry : env.entrySet()) {
            String name = entry.getKey();
            argument(
                    !name.isEmpty() && name.indexOf('=') < 0 && name.indexOf('\0') < 0,
                    field + " has a name that is empty or holds '=' or NUL");
            argument(entry.getValue().indexOf('\0') < 0, field + " has a NUL character in the value of a variable");
        }
    }
}
