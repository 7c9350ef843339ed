package io.athenic.e2b.server.envd;

import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Signatures;
import io.athenic.e2b.protocol.Signatures.Operation;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.Sandbox;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.Base64;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Who may use a sandbox's envd: the bearer of its access token, or of a signature made with it. */
final class EnvdAuth {
    private final InstantSource clock;

    EnvdAuth(InstantSource clock) {
        this.clock = clock;
    }

    /** @throws HttpFailure 401 */
    void checkToken(Exchange exchange, Sandbox sandbox) {
        var token = sandbox.accessToken();
        if (token.isEmpty()) {
            return;
        }
        var given = exchange.header(E2b.HEADER_ACCESS_TOKEN);
        if (given == null || !Signatures.same(token.get(), given)) {
            throw new HttpFailure(
                    401, "unauthorized access, please provide a valid access token or method signing if supported");
        }
    }

    /** The token decides if there is one; else the signature; the order of the checks is E2B's. */
    void checkFile(Exchange exchange, Sandbox sandbox, Operation operation) {
        var token = sandbox.accessToken();
        if (token.isEmpty()) {
            return;
        }
        if (exchange.header(E2b.HEADER_ACCESS_TOKEN) != null) {
            checkToken(exchange, sandbox);
            return;
        }
        var signature = exchange.query("signature")
                .orElseThrow(() -> new HttpFailure(401, "missing signature query parameter"));
        var expiration = expiration(exchange);
        if (!matches(exchange, token.get(), operation, signature, expiration)) {
            throw new HttpFailure(401, "invalid signature");
        }
        if (expiration != null && expiration < clock.instant().getEpochSecond()) {
            throw new HttpFailure(401, "signature is already expired");
        }
    }

    /** Whether a signed file URL was made with this sandbox's token. */
    static boolean signedBy(Exchange exchange, Sandbox sandbox) {
        var operation =
                exchange.method().equals("GET") || exchange.method().equals("HEAD") ? Operation.READ : Operation.WRITE;
        return sandbox.accessToken()
                .map(token -> matches(
                        exchange, token, operation, exchange.query("signature").orElse(""), expiration(exchange)))
                .orElse(false);
    }

    private static boolean matches(
            Exchange exchange, String token, Operation operation, String signature, @Nullable Long expiration) {
        var expected = Signatures.sign(
                exchange.query("path").orElse(""),
                operation,
                exchange.query("username").orElse(""),
                token,
                expiration);
        return Signatures.same(expected, signature);
    }

    private static @Nullable Long expiration(Exchange exchange) {
        var text = exchange.query("signature_expiration").orElse("");
        if (text.isEmpty()) {
            return null;
        }
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new HttpFailure(400, "signature_expiration is not a time in seconds since the epoch");
        }
    }

    /** The user of an RPC: the name of HTTP Basic, without a password; null: the default user. */
    static @Nullable String basicUser(Exchange exchange) {
        var header = exchange.header("Authorization");
        if (header == null || !header.toLowerCase(Locale.ROOT).startsWith("basic ")) {
            return null;
        }
        try {
            var pair = new String(Base64.getDecoder().decode(header.substring(6).strip()), StandardCharsets.UTF_8);
            var colon = pair.indexOf(':');
            var user = colon < 0 ? pair : pair.substring(0, colon);
            return user.isEmpty() ? null : user;
        } catch (IllegalArgumentException e) {
            throw new HttpFailure(401, "the Authorization header is not HTTP Basic");
        }
    }
}
