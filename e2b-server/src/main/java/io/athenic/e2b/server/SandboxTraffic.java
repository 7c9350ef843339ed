package io.athenic.e2b.server;

import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.SandboxRoute;
import io.athenic.e2b.protocol.Signatures;
import io.athenic.e2b.server.code.CodeService;
import io.athenic.e2b.server.envd.EnvdService;
import io.athenic.e2b.server.http.Cors;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.e2b.server.relay.PortRelay;
import io.athenic.e2b.server.relay.UpstreamException;
import io.athenic.engine.Engine;
import io.athenic.engine.EngineException;
import io.athenic.engine.ErrorCode;
import io.athenic.engine.PortConnection;
import io.athenic.engine.Sandbox;
import io.athenic.engine.SandboxState;
import java.io.IOException;
import java.time.InstantSource;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What E2B's proxy does: finds the sandbox and the port of a request. A sandbox that ends while a request is under way
 * cuts its connection, so that the client asks after the sandbox instead of taking the rest for an answer.
 */
final class SandboxTraffic implements AutoCloseable {
    private final Engine engine;
    private final EnvdService envd;
    private final CodeService code;
    private final PortRelay relay;
    private final int maxRequests;
    private final Map<String, Integer> underWay = new ConcurrentHashMap<>();

    SandboxTraffic(Engine engine, E2bServerConfig config, InstantSource clock) {
        this.engine = engine;
        this.envd = new EnvdService(clock, config.maxUploadBytes());
        this.code = new CodeService(clock);
        this.relay = new PortRelay(config.apiKeys());
        // One sandbox, whose token is all that it takes, must not use up the requests of all others.
        this.maxRequests = Math.max(1, config.maxRequests() / 4);
    }

    void handle(Exchange exchange, SandboxRoute route) throws IOException, InterruptedException {
        switch (route.port()) {
            case E2b.ENVD_PORT -> {
                if (EnvdService.beforeLookup(exchange)) {
                    return;
                }
            }
            case E2b.CODE_PORT -> {
                if (CodeService.beforeLookup(exchange)) {
                    return;
                }
            }
            default -> {}
        }
        var sandbox = engine.find(route.sandboxId()).filter(SandboxTraffic::reachable);
        // Before a paused one is resumed: whoever may not reach it shall not wake it.
        if (sandbox.isPresent() && route.port() != E2b.ENVD_PORT && !admitted(exchange, sandbox.get())) {
            exchange.respondJson(
                    403,
                    Json.object()
                            .put("sandboxId", route.sandboxId())
                            .put(
                                    "message",
                                    "this sandbox's ports need its token in the header " + E2b.HEADER_TRAFFIC_TOKEN)
                            .put("code", 403));
            return;
        }
        if (sandbox.filter(SandboxTraffic::awake).isEmpty()) {
            refuse(exchange, route, "The sandbox was not found", false);
            return;
        }
        serve(exchange, route, sandbox.get());
    }

    private static boolean admitted(Exchange exchange, Sandbox sandbox) {
        var given = exchange.header(E2b.HEADER_TRAFFIC_TOKEN);
        return sandbox.trafficToken()
                .map(token -> given != null && Signatures.same(token, given))
                .orElse(true);
    }

    /** A signed file URL names no sandbox: it belongs to the one with whose token it was signed. */
    void handleSigned(Exchange exchange) throws IOException, InterruptedException {
        if (Cors.handle(exchange)) {
            return;
        }
        for (var sandbox : engine.list()) {
            if (EnvdService.signedBy(exchange, sandbox) && awake(sandbox)) {
                serve(exchange, new SandboxRoute(sandbox.id(), E2b.ENVD_PORT), sandbox);
                return;
            }
        }
        throw new HttpFailure(401, "invalid signature");
    }

    private static boolean reachable(Sandbox sandbox) {
        return sandbox.state() == SandboxState.RUNNING || sandbox.lifecycle().autoResume();
    }

    /** Whether it runs; a paused one that wants so is resumed first. */
    private static boolean awake(Sandbox sandbox) {
        if (sandbox.state() == SandboxState.PAUSED && sandbox.lifecycle().autoResume()) {
            try {
                sandbox.resume(sandbox.resumeTimeout());
            } catch (EngineException e) {
                // Ended, or another request resumed it first.
                if (e.code() != ErrorCode.FAILED_PRECONDITION && e.code() != ErrorCode.NOT_FOUND) {
                    throw e;
                }
            }
        }
        return sandbox.state() == SandboxState.RUNNING;
    }

    private void serve(Exchange exchange, SandboxRoute route, Sandbox sandbox)
            throws IOException, InterruptedException {
        if (!enter(sandbox.id())) {
            leave(sandbox.id());
            exchange.set("Retry-After", "1");
            throw new HttpFailure(429, "this sandbox has " + maxRequests + " requests under way: wait for some to end");
        }
        try (var _ = sandbox.onEnd(exchange::reset)) {
            switch (route.port()) {
                case E2b.ENVD_PORT -> envd.handle(exchange, sandbox);
                case E2b.CODE_PORT -> code.handle(exchange, sandbox);
                default -> relay(exchange, route, sandbox);
            }
        } catch (EngineException | IOException e) {
            if (exchange.closed()) {
                return;
            }
            // A room that died is known to the engine a moment after its sockets broke.
            if (exchange.answered() || ended(sandbox)) {
                exchange.reset();
                return;
            }
            if (e instanceof IOException && e.getCause() instanceof EngineException cause) {
                throw cause; // a stream of the sandbox broke off
            }
            throw e;
        } finally {
            leave(sandbox.id());
        }
    }

    private boolean enter(String id) {
        return underWay.merge(id, 1, Integer::sum) <= maxRequests;
    }

    private void leave(String id) {
        underWay.computeIfPresent(id, (same, count) -> count == 1 ? null : count - 1);
    }

    private static boolean ended(Sandbox sandbox) {
        return sandbox.state() == SandboxState.KILLED;
    }

    private void relay(Exchange exchange, SandboxRoute route, Sandbox sandbox)
            throws IOException, InterruptedException {
        PortConnection connection;
        try {
            connection = sandbox.agent().connectPort(route.port());
        } catch (EngineException e) {
            if (e.code() != ErrorCode.UNAVAILABLE || ended(sandbox)) {
                throw e;
            }
            refuse(exchange, route, "The sandbox is running but port is not open", true);
            return;
        }
        try {
            relay.handle(exchange, sandbox, connection);
        } catch (UpstreamException e) {
            if (exchange.answered() || ended(sandbox)) {
                throw e;
            }
            refuse(exchange, route, String.valueOf(e.getMessage()), true);
        }
    }

    /** The proxy's own answers: JSON for programs, a page for people. */
    private static void refuse(Exchange exchange, SandboxRoute route, String message, boolean withPort) {
        var accept = exchange.header("Accept");
        if (accept != null && accept.toLowerCase(Locale.ROOT).contains("text/html")) {
            var page = "<!doctype html><meta charset=\"utf-8\"><title>502</title><h1>" + message + "</h1><p>Sandbox "
                    + route.sandboxId() + ", port " + route.port() + "</p>";
            exchange.respond(502, "text/html; charset=utf-8", page.getBytes(java.nio.charset.StandardCharsets.UTF_8));
            return;
        }
        var body = Json.object().put("sandboxId", route.sandboxId()).put("message", message);
        if (withPort) {
            body.put("port", route.port());
        }
        exchange.respondJson(502, body.put("code", 502));
    }

    @Override
    public void close() {
        envd.close();
    }
}
