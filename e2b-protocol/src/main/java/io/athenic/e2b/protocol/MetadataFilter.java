package io.athenic.e2b.protocol;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The {@code metadata} query of a list: keys and values are percent-encoded, joined as a form, and the SDKs encode the
 * whole once more before the query's own encoding.
 */
public final class MetadataFilter {
    private MetadataFilter() {}

    /**
     * The pairs of a query.
     *
     * @param query the value after the normal decoding of the query
     * @throws IllegalArgumentException a broken percent sequence or a pair without {@code =}
     */
    public static Map<String, String> decode(String query) {
        var pairs = new LinkedHashMap<String, String>();
        for (var pair : percentDecode(query).split("&", -1)) {
            if (pair.isEmpty()) {
                continue;
            }
            var equals = pair.indexOf('=');
            if (equals <= 0) {
                throw new IllegalArgumentException("metadata filter: a pair is key=value, found '" + pair + "'");
            }
            pairs.put(percentDecode(pair.substring(0, equals)), percentDecode(pair.substring(equals + 1)));
        }
        return Map.copyOf(pairs);
    }

    /** The value to be put in the query, before the query's own encoding. */
    public static String encode(Map<String, String> metadata) {
        return metadata.entrySet().stream()
                .map(e -> percentEncode(percentEncode(e.getKey())) + "=" + percentEncode(percentEncode(e.getValue())))
                .collect(Collectors.joining("&"));
    }

    private static String percentEncode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** A plus sign stays one: only forms read it as a space, and the SDKs encode a space as %20. */
    private static String percentDecode(String text) {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }
}
