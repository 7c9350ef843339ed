package io.athenic.e2b.server.http;

import io.athenic.e2b.protocol.Json;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Checks of what clients send. */
public final class Values {
    private Values() {}

    /**
     * A map of strings; absent: empty.
     *
     * @throws HttpFailure 400 for a value that is null, which JSON allows
     */
    public static Map<String, String> strings(String field, @Nullable Map<String, String> map) {
        if (map == null) {
            return Map.of();
        }
        for (var key : map.keySet()) {
            if (!Json.isText(key)) {
                throw new HttpFailure(400, field + ": a name has half of a surrogate pair, which is no text");
            }
        }
        for (var value : map.values()) {
            if (value == null) {
                throw new HttpFailure(400, field + ": a value is null, a string is expected");
            }
        }
        return map;
    }
}
