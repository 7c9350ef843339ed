package io.athenic.server;

import io.vertx.core.Handler;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.RoutingContext;
import java.net.URI;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Keeps foreign web pages out. A page in the user's browser can send requests to a loopback port: a foreign {@code Origin} is refused, and so is a {@code
 * Host} that is not ours, which stops DNS rebinding. Requests without an {@code Origin} (programs, and a browser's plain navigation) pass.
 */
final class EdgeGuard implements Handler<RoutingContext> {
    private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");
    private final Set<String> publicHosts;
    private final String contentPolicy;

    /** @param publicUrl the configured public WebSocket address, whose host is ours too; empty for none */
    EdgeGuard(String publicUrl) {
        String host = publicUrl.isEmpty() ? null : URI.create(publicUrl).getHost();
        this.publicHosts = host == null ? Set.of() : Set.of(host.toLowerCase(Locale.ROOT));
        this.contentPolicy = contentPolicy(publicUrl);
    }

    /** Inline styles are xterm's and CodeMirror's; there is no inline script. Live output may come from the configured address. */
    private static String contentPolicy(String publicUrl) {
        return "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self' "
                + (publicUrl.isEmpty() ? "" : URI.create(publicUrl).resolve("/"))
                + "; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    }

    @Override
    public void handle(RoutingContext context) {
        context.response()
                .putHeader("Content-Security-Policy", contentPolicy)
                .putHeader("X-Content-Type-Options", "nosniff")
                .putHeader("Referrer-Policy", "no-referrer")
                .putHeader("X-Frame-Options", "DENY")
                .putHeader("Cross-Origin-Opener-Policy", "same-origin")
                .putHeader("Cross-Origin-Resource-Policy", "same-origin");
        Optional<Refusal> refusal = check(context.request());
        if (refusal.isEmpty()) {
            context.next();
            return;
        }
        context.response()
                .setStatusCode(403)
                .putHeader("Content-Type", "application/json; charset=utf-8")
                .end(new JsonObject()
                        .put("error", refusal.get().message())
                        .put("code", refusal.get().code())
                        .encode());
    }

    record Refusal(String code, String message) {}

    /** Empty when the request may pass; used for WebSocket handshakes as well. */
    Optional<Refusal> check(HttpServerRequest request) {
        return check(request.getHeader("Host"), request.getHeader("Origin"));
    }

    Optional<Refusal> check(@Nullable String host, @Nullable String origin) {
        if (host == null || !isOurs(hostOf(host))) {
            return Optional.of(
                    new Refusal(
                            "forbidden_host",
                            "The Host header is not an address of this server: open it as http://127.0.0.1 or http://localhost with its port."));
        }
        if (origin != null && !isSameOrigin(origin, host)) {
            return Optional.of(new Refusal("forbidden_origin", "Pages of other sites may not use this server."));
        }
        return Optional.empty();
    }

    private boolean isSameOrigin(String origin, String host) {
        int scheme = origin.indexOf("://");
        if (scheme < 0) {
            return false;
        }
        String authority = origin.substring(scheme + 3).toLowerCase(Locale.ROOT);
        String own = host.toLowerCase(Locale.ROOT);
        if (authority.equals(own)) {
            return true;
        }
        // localhost and 127.0.0.1 name the same server, but only on the same port.
        return LOOPBACK.contains(hostOf(authority))
                && LOOPBACK.contains(hostOf(own))
                && authority
                        .substring(hostOf(authority).length())
                        .equals(own.substring(hostOf(own).length()));
    }

    private boolean isOurs(String host) {
        return LOOPBACK.contains(host) || publicHosts.contains(host);
    }

    /** The host of {@code host[:port]}, in lower case; an IPv6 address keeps its brackets. */
    private static String hostOf(String authority) {
        int port =
                authority.startsWith("[") ? authority.indexOf(':', authority.indexOf(']') + 1) : authority.indexOf(':');
        return (port < 0 ? authority : authority.substring(0, port)).toLowerCase(Locale.ROOT);
    }
}
