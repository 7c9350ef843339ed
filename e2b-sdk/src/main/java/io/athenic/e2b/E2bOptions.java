package io.athenic.e2b;

import java.net.URI;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where E2B is and how it is spoken to.
 *
 * @param apiKey sent to the control plane only
 * @param apiUrl base of the control plane
 * @param sandboxUrl one base for envd and the code interpreter of all sandboxes; absent: each has host names of its own
 * @param domain the last part of those host names, unless a sandbox's own is told
 * @param requestTimeout for an answer, and for the beginning of a stream
 */
public record E2bOptions(
        String apiKey, URI apiUrl, @Nullable URI sandboxUrl, String domain, Duration requestTimeout) {
    private static final String DEFAULT_DOMAIN = "e2b.app";
    private static final Duration DEFAULT_REQUEST_TIMEOUT = Duration.ofMinutes(1);

    public E2bOptions {
        if (apiKey.isBlank()) {
            throw new AuthenticationException("no API key: set E2B_API_KEY or give one to E2bOptions");
        }
        apiUrl = checked("apiUrl", apiUrl);
        sandboxUrl = sandboxUrl == null ? null : checked("sandboxUrl", sandboxUrl);
        if (requestTimeout.isNegative() || requestTimeout.isZero()) {
            throw new IllegalArgumentException("requestTimeout is not positive: " + requestTimeout);
        }
    }

    /** One server for all, as Athenic's own: {@code http://host:port}. */
    public static E2bOptions of(String apiKey, String url) {
        URI uri = URI.create(url);
        return new E2bOptions(apiKey, uri, uri, DEFAULT_DOMAIN, DEFAULT_REQUEST_TIMEOUT);
    }

    /** From {@code E2B_API_KEY}, {@code E2B_API_URL}, {@code E2B_SANDBOX_URL}, {@code E2B_DOMAIN} as E2B's SDKs. */
    public static E2bOptions fromEnv() {
        return fromEnv(System.getenv());
    }

    /** As {@link #fromEnv()}, from another environment. */
    public static E2bOptions fromEnv(Map<String, String> env) {
        String domain = orElse(env.get("E2B_DOMAIN"), DEFAULT_DOMAIN);
        String sandboxUrl = orElse(env.get("E2B_SANDBOX_URL"), "");
        return new E2bOptions(
                orElse(env.get("E2B_API_KEY"), ""),
                URI.create(orElse(env.get("E2B_API_URL"), "https://api." + domain)),
                sandboxUrl.isEmpty() ? null : URI.create(sandboxUrl),
                domain,
                DEFAULT_REQUEST_TIMEOUT);
    }

    public E2bOptions withRequestTimeout(Duration newTimeout) {
        return new E2bOptions(apiKey, apiUrl, sandboxUrl, domain, newTimeout);
    }

    /** The key stays out of logs. */
    @Override
    public String toString() {
        return "E2bOptions[apiUrl=" + apiUrl + ", sandboxUrl=" + sandboxUrl + ", domain=" + domain + "]";
    }

    private static String orElse(@Nullable String value, String other) {
        return value == null || value.isBlank() ? other : value.strip();
    }

    private static URI checked(String name, URI uri) {
        boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
        if (!http || uri.getRawAuthority() == null) {
            throw new IllegalArgumentException(name + " is not an http or https address: " + uri);
        }
        String text = uri.toString();
        return text.endsWith("/") ? URI.create(text.substring(0, text.length() - 1)) : uri;
    }
}
