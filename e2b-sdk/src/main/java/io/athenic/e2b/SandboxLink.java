package io.athenic.e2b;

import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.SandboxInfo;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** How one sandbox's ports are reached: addresses, tokens, routing headers (e2b's "Which base an SDK call uses"). */
final class SandboxLink {
    static final String USER_AGENT = "athenic-e2b-java/0.1";

    private final Http http;
    private final E2bOptions options;
    private final SandboxInfo info;

    SandboxLink(Http http, E2bOptions options, SandboxInfo info) {
        this.http = http;
        this.options = options;
        this.info = info;
    }

    Http http() {
        return http;
    }

    SandboxInfo info() {
        return info;
    }

    String id() {
        return info.sandboxId();
    }

    /** A request to a port, {@code path} with its leading slash; token and routing headers are set. */
    HttpRequest.Builder request(int port, String path) {
        var builder = HttpRequest.newBuilder(URI.create(base(port) + path))
                .header(E2b.HEADER_SANDBOX_ID, info.sandboxId())
                .header(E2b.HEADER_SANDBOX_PORT, Integer.toString(port))
                .header("User-Agent", USER_AGENT);
        String token = info.envdAccessToken();
        if (token != null) {
            builder.header(E2b.HEADER_ACCESS_TOKEN, token);
        }
        String traffic = info.trafficAccessToken();
        if (traffic != null && port != E2b.ENVD_PORT) {
            builder.header("E2B-Traffic-Access-Token", traffic);
        }
        return builder;
    }

    Http.Answer send(HttpRequest request) {
        return send(request, http.requestTimeout());
    }

    Http.Answer send(HttpRequest request, Duration timeout) {
        return explained(() -> http.send(request, timeout));
    }

    HttpResponse<InputStream> open(HttpRequest request) {
        return open(request, http.requestTimeout());
    }

    HttpResponse<InputStream> open(HttpRequest request, Duration timeout) {
        return explained(() -> http.open(request, timeout));
    }

    /** A connection that is cut before an answer: the sandbox may have died just then, and its health says so. */
    private <T> T explained(Supplier<T> call) {
        try {
            return call.get();
        } catch (SandboxException e) {
            if (e.getCause() instanceof IOException && isGone(e)) {
                throw Failures.gone(id());
            }
            throw e;
        }
    }

    /** @throws SandboxException neither "runs" nor "does not run" was answered */
    boolean isRunning() {
        Http.Answer answer = http.send(request(E2b.ENVD_PORT, "/health").GET().build());
        if (answer.status() == 502) {
            return false;
        }
        if (answer.status() / 100 != 2) {
            throw Failures.ofFiles(id(), answer.status(), answer.body());
        }
        return true;
    }

    /** Why a stream broke: the sandbox is gone, or else {@code what} and the cause. */
    SandboxException broken(String what, Throwable cause) {
        if (isGone(cause)) {
            return new SandboxNotFoundException("sandbox " + id() + " was killed while " + what);
        }
        return new SandboxException("the connection broke while " + what + ": " + Http.text(cause), cause);
    }

    /** Whether health says that it does not run; a failure to ask is added to {@code cause}. */
    private boolean isGone(Throwable cause) {
        try {
            return !isRunning();
        } catch (SandboxException e) {
            cause.addSuppressed(e);
            return false;
        }
    }

    private String base(int port) {
        URI shared = options.sandboxUrl();
        if (shared != null) {
            return shared.toString();
        }
        return "https://" + port + "-" + info.sandboxId() + "." + domain(info.domain());
    }

    private String domain(@Nullable String own) {
        return own == null || own.isEmpty() ? options.domain() : own;
    }
}
