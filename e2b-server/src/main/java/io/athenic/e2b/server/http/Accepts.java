package io.athenic.e2b.server.http;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What an {@code Accept-Encoding} header allows (RFC 9110, 12.5.3).
 *
 * @param identity whether the plain bytes are acceptable
 * @param gzip whether gzip is acceptable by name
 * @param gzipPreferred whether it is wanted: named, with nothing stronger beside it
 */
public record Accepts(boolean identity, boolean gzip, boolean gzipPreferred) {
    public static Accepts of(@Nullable String header) {
        if (header == null || header.isBlank()) {
            return new Accepts(true, false, false);
        }
        Boolean identity = null;
        Boolean gzip = null;
        Boolean any = null;
        var others = false;
        for (var part : header.toLowerCase(Locale.ROOT).split(",", 20)) {
            var pieces = part.strip().split(";", 3);
            var allowed = quality(pieces) > 0;
            switch (pieces[0].strip()) {
                case "identity" -> identity = allowed;
                case "gzip", "x-gzip" -> gzip = allowed;
                case "*" -> any = allowed;
                default -> others |= allowed;
            }
        }
        var rest = any == null || any;
        var gzipAllowed = gzip == null ? any != null && any : gzip;
        return new Accepts(identity == null ? rest : identity, gzipAllowed, gzip != null && gzip && !others);
    }

    private static double quality(String[] pieces) {
        for (var i = 1; i < pieces.length; i++) {
            var value = pieces[i].strip();
            if (value.startsWith("q=")) {
                try {
                    return Double.parseDouble(value.substring(2));
                } catch (NumberFormatException e) {
                    return 0;
                }
            }
        }
        return 1;
    }
}
