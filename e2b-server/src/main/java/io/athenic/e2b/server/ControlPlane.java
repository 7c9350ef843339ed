package io.athenic.e2b.server;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.JsonException;
import io.athenic.e2b.protocol.NewSandbox;
import io.athenic.e2b.protocol.Requests;
import io.athenic.e2b.protocol.SandboxRoute;
import io.athenic.e2b.protocol.Signatures;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.Failures;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.e2b.server.http.Values;
import io.athenic.engine.Engine;
import io.athenic.engine.EngineException;
import io.athenic.engine.ErrorCode;
import io.athenic.engine.KillCause;
import io.athenic.engine.Limits;
import io.athenic.engine.Sandbox;
import io.athenic.engine.SandboxSpec;
import io.athenic.engine.SandboxState;
import io.athenic.engine.template.TemplateBuilder;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** E2B's REST API for sandboxes. Every call but {@code GET /health} needs the API key. */
final class ControlPlane {
    private static final int MAX_BODY = 1 << 20;

    /** A header of ours: what the client may not expect. */
    private static final String NOTICE = "X-Athenic-Notice";

    private static final Logger LOG = LoggerFactory.getLogger(ControlPlane.class);

    private final Engine engine;
    private final E2bServerConfig config;
    private final InstantSource clock;
    private final SandboxViews views;
    private final Templates templates;
    private final SnapshotApi snapshots;

    ControlPlane(Engine engine, E2bServerConfig config, InstantSource clock, Optional<TemplateBuilder> builder) {
        this.templates = new Templates(engine, builder, clock);
        this.engine = engine;
        this.config = config;
        this.clock = clock;
        this.views = new SandboxViews(config);
        this.snapshots = new SnapshotApi(engine, views);
    }

    void handle(Exchange exchange) throws IOException {
        var path = exchange.path();
        if (path.equals("/health")) {
            exchange.respondEmpty(204);
            return;
        }
        try {
            if (Templates.isUpload(path)) {
                templates.upload(exchange);
                return;
            }
            checkKey(exchange);
            var plain = path.startsWith("/v2/") || path.startsWith("/v3/") ? path.substring(3) : path;
            if (!templates.handle(exchange, plain)) {
                route(exchange, plain);
            }
        } catch (EngineException e) {
            throw new HttpFailure(Failures.httpStatus(e.code()), String.valueOf(e.getMessage()));
        } catch (JsonException e) {
            throw new HttpFailure(400, "the body is not as expected: " + e.getMessage());
        }
    }

    private void checkKey(Exchange exchange) {
        var given = exchange.header(E2b.HEADER_API_KEY);
        if (given == null) {
            throw new HttpFailure(401, "no API key: send it in the header " + E2b.HEADER_API_KEY);
        }
        var known = false;
        for (var key : config.apiKeys()) {
            known |= Signatures.same(key, given);
        }
        if (!known) {
            throw new HttpFailure(401, "the API key is not valid");
        }
    }

    private void route(Exchange exchange, String path) throws IOException {
        var segments = List.of(path.substring(1).split("/", 6));
        var method = exchange.method();
        switch (segments.size()) {
            case 1 -> {
                if (segments.getFirst().equals("snapshots") && method.equals("GET")) {
                    snapshots.list(exchange);
                    return;
                }
                if (!segments.getFirst().equals("sandboxes")) {
                    throw notFound(exchange);
                }
                switch (method) {
                    case "POST" -> create(exchange);
                    case "GET" -> list(exchange);
                    default -> throw wrongMethod(exchange);
                }
            }
            case 2 -> {
                if (segments.getFirst().equals("templates") && method.equals("DELETE")) {
                    deleteTemplate(exchange, segments.get(1));
                    return;
                }
                if (!segments.getFirst().equals("sandboxes")) {
                    throw notFound(exchange);
                }
                if (segments.get(1).equals("metrics") && method.equals("GET")) {
                    exchange.respondJson(200, Metrics.newest(engine, exchange));
                    return;
                }
                var sandbox = sandbox(segments.get(1));
                switch (method) {
                    case "GET" -> exchange.respondJson(200, views.detail(sandbox));
                    case "DELETE" -> {
                        if (!sandbox.kill(KillCause.USER)) {
                            throw unknown(sandbox.id());
                        }
                        exchange.respondEmpty(204);
                    }
                    default -> throw wrongMethod(exchange);
                }
            }
            case 3 -> {
                if (segments.getFirst().equals("templates") && segments.get(1).equals("aliases")) {
                    alias(exchange, segments.get(2));
                } else if (segments.getFirst().equals("sandboxes")) {
                    action(exchange, sandbox(segments.get(1)), method + " " + segments.get(2));
                } else {
                    throw notFound(exchange);
                }
            }
            case 4 -> {
                if (!segments.getFirst().equals("sandboxes")) {
                    throw notFound(exchange);
                }
                action(exchange, sandbox(segments.get(1)), method + " " + segments.get(2) + "/" + segments.get(3));
            }
            default -> throw notFound(exchange);
        }
    }

    private static void setNetwork(Sandbox sandbox, JsonNode body) {
        try {
            sandbox.setNetwork(NetworkFields.update(body));
        } catch (EngineException e) {
            if (e.code() == ErrorCode.FAILED_PRECONDITION) {
                throw new HttpFailure(409, String.valueOf(e.getMessage()));
            }
            throw e;
        }
    }

    private void action(Exchange exchange, Sandbox sandbox, String action) throws IOException {
        switch (action) {
            case "POST connect" -> connect(exchange, sandbox);
            case "POST timeout" -> {
                sandbox.setTimeout(seconds(
                        "timeout", body(exchange, Requests.Timeout.class).timeout()));
                exchange.respondEmpty(204);
            }
            case "POST refreshes" -> {
                var wish = body(exchange, Requests.Refresh.class).duration();
                sandbox.extendTo(clock.instant().plus(seconds("duration", wish == null ? 60 : wish)));
                exchange.respondEmpty(204);
            }
            case "POST pause" -> pause(exchange, sandbox);
            case "POST resume" -> {
                if (sandbox.state() == SandboxState.RUNNING) {
                    throw new HttpFailure(409, "sandbox " + sandbox.id() + " is already running");
                }
                connect(exchange, sandbox);
            }
            case "GET metrics" -> exchange.respondJson(200, Metrics.of(sandbox, exchange));
            case "POST fork" -> {
                var wish = body(exchange, Requests.NewFork.class);
                var timeout = seconds("timeout", wish.timeout() == null ? defaultTimeout(exchange) : wish.timeout());
                snapshots.fork(exchange, sandbox, wish.count() == null ? 1 : wish.count(), timeout);
            }
            case "POST snapshots" -> snapshots.create(exchange, sandbox, body(exchange, Requests.NewSnapshot.class));
            case "PUT network" -> {
                setNetwork(sandbox, body(exchange, JsonNode.class));
                exchange.respondEmpty(204);
            }
            case "GET network/events" -> exchange.respondJson(200, NetworkFields.events(sandbox));
            case "GET logs" -> throw new HttpFailure(501, "sandbox logs are not kept by this server");
            default -> throw notFound(exchange);
        }
    }

    private void create(Exchange exchange) throws IOException {
        var wish = Json.request(exchange.jsonBody(MAX_BODY), NewSandbox.class);
        var template = wish.templateId();
        if (template == null || template.isEmpty()) {
            throw new HttpFailure(400, "templateID is missing");
        }
        refuseUnsupported(wish);
        if (!engine.hasTemplate(template)) {
            throw new HttpFailure(
                    404,
                    "template '" + (template.length() > 100 ? template.substring(0, 100) : template) + "' not found");
        }
        var timeout = wish.timeout();
        var secure = wish.secure();
        // The second version of this call has no such field: there every sandbox is secure.
        var withToken = secondVersion(exchange) || (secure != null && secure);
        var network = NetworkFields.wish(wish.network(), wish.allowInternetAccess());
        if (!withToken && !network.publicTraffic()) {
            throw new HttpFailure(400, "network.allowPublicTraffic=false needs secure=true");
        }
        var spec = new SandboxSpec(
                template,
                seconds("timeout", timeout == null ? defaultTimeout(exchange) : timeout),
                Values.strings("metadata", wish.metadata()),
                Values.strings("envVars", wish.envVars()),
                withToken,
                network,
                limits(wish),
                Lifecycles.of(wish));
        var sandbox = engine.create(spec);
        if ((network.internet() || network.explicit())
                && !sandbox.networkPolicy().anything()) {
            exchange.set(NOTICE, "this sandbox has no network: the server's setting egress does not give it any");
            if (network.explicit()) {
                LOG.info("Sandbox {} asked for network and has none: see the setting egress", sandbox.id());
            }
        }
        exchange.respondJson(201, views.info(sandbox));
    }

    /** Null when the request has no wish of its own: only then a waiting sandbox can be given. */
    private @Nullable Limits limits(NewSandbox wish) {
        var cores = wish.cpuCount();
        var memory = wish.memoryMb();
        var disk = wish.diskSizeMb();
        return cores == null && memory == null && disk == null
                ? null
                : engine.limitsOf(String.valueOf(wish.templateId()))
                        .with(
                                atLeast("cpuCount", cores, 1),
                                atLeast("memoryMB", memory, 64),
                                atLeast("diskSizeMB", disk, 16));
    }

    private static @Nullable Integer atLeast(String field, @Nullable Integer value, int low) {
        if (value != null && value < low) {
            throw new HttpFailure(400, field + " must be at least " + low + ", not " + value);
        }
        return value;
    }

    private static boolean secondVersion(Exchange exchange) {
        return exchange.path().startsWith("/v2/");
    }

    private static int defaultTimeout(Exchange exchange) {
        return secondVersion(exchange) ? NewSandbox.DEFAULT_TIMEOUT_V2 : NewSandbox.DEFAULT_TIMEOUT;
    }

    /** A wish that changes what a sandbox may do is refused rather than dropped. */
    private static void refuseUnsupported(NewSandbox wish) {
        var volumes = wish.volumeMounts();
        if (volumes != null && !volumes.isEmpty()) {
            throw new HttpFailure(501, "volumeMounts are not supported by this server");
        }
    }

    private void list(Exchange exchange) {
        var running = exchange.path().equals("/sandboxes");
        var query = ListQuery.of(exchange, running);
        var page = query.page(engine.list());
        page.next().ifPresent(token -> exchange.set(E2b.HEADER_NEXT_TOKEN, token));
        exchange.respondJson(200, page.sandboxes().stream().map(views::listed).toList());
    }

    /** Never shortens the life of a running sandbox; lets a paused one go on. */
    private void connect(Exchange exchange, Sandbox sandbox) throws IOException {
        var wish = body(exchange, Requests.Connect.class);
        var given = wish.timeout();
        var timeout = seconds("timeout", given == null ? defaultTimeout(exchange) : given);
        if (sandbox.state() == SandboxState.PAUSED) {
            try {
                sandbox.resume(timeout, !Boolean.FALSE.equals(wish.memory()));
                exchange.respondJson(201, views.info(sandbox));
                return;
            } catch (EngineException e) {
                if (e.code() != ErrorCode.FAILED_PRECONDITION) {
                    throw e;
                }
                // Another client resumed it first.
            }
        }
        sandbox.extendTo(clock.instant().plus(timeout));
        exchange.respondJson(200, views.info(sandbox));
    }

    private static void pause(Exchange exchange, Sandbox sandbox) throws IOException {
        var memory = !Boolean.FALSE.equals(body(exchange, Requests.Pause.class).memory());
        if (sandbox.state() == SandboxState.PAUSED) {
            throw alreadyPaused(sandbox);
        }
        try {
            sandbox.pause(memory);
        } catch (EngineException e) {
            if (e.code() == ErrorCode.FAILED_PRECONDITION && sandbox.state() == SandboxState.PAUSED) {
                throw alreadyPaused(sandbox);
            }
            throw e;
        }
        exchange.respondEmpty(204);
    }

    private static HttpFailure alreadyPaused(Sandbox sandbox) {
        return new HttpFailure(409, "sandbox " + sandbox.id() + " is already paused");
    }

    private void deleteTemplate(Exchange exchange, String id) {
        if (!snapshots.delete(id)) {
            throw new HttpFailure(
                    404, "there is no template or snapshot '" + (id.length() > 100 ? id.substring(0, 100) : id) + "'");
        }
        exchange.respondEmpty(204);
    }

    private void alias(Exchange exchange, String alias) {
        if (!exchange.method().equals("GET")) {
            throw wrongMethod(exchange);
        }
        if (!engine.hasTemplate(alias)) {
            throw new HttpFailure(404, "no such template");
        }
        exchange.respondJson(200, new Requests.TemplateAlias(alias, true));
    }

    private static <T> T body(Exchange exchange, Class<T> type) throws IOException {
        var bytes = exchange.jsonBody(MAX_BODY);
        return Json.request(bytes.length == 0 ? new byte[] {'{', '}'} : bytes, type);
    }

    private Duration seconds(String field, @Nullable Integer seconds) {
        if (seconds == null) {
            throw new HttpFailure(400, field + " is missing: a number of seconds");
        }
        if (seconds < 0 || seconds > config.maxTimeout().toSeconds()) {
            throw new HttpFailure(
                    400, field + " must be 0 to " + config.maxTimeout().toSeconds() + " seconds, not " + seconds);
        }
        return Duration.ofSeconds(seconds);
    }

    private Sandbox sandbox(String id) {
        if (!SandboxRoute.isSandboxId(id)) {
            throw unknown("of that id");
        }
        return engine.find(id).orElseThrow(() -> unknown(id));
    }

    private static HttpFailure unknown(String id) {
        return new HttpFailure(404, "sandbox " + id + " not found");
    }

    private static HttpFailure notFound(Exchange exchange) {
        var path = exchange.path();
        return new HttpFailure(
                404,
                "no such route: " + exchange.method() + " " + (path.length() > 100 ? path.substring(0, 100) : path));
    }

    private static HttpFailure wrongMethod(Exchange exchange) {
        return new HttpFailure(405, exchange.method() + " is not possible here");
    }
}
