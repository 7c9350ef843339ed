package io.athenic.e2b.server;

import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.JsonException;
import io.athenic.e2b.protocol.SandboxRoute;
import io.athenic.e2b.server.http.ClientGoneException;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.Failures;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.EngineException;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Decides what a request is for, and turns what went wrong into an answer: once, here. */
final class Dispatcher {
    private static final Logger LOG = LoggerFactory.getLogger(Dispatcher.class);

    private final HostPolicy hosts;
    private final ControlPlane control;
    private final SandboxTraffic traffic;
    private final AtomicLong failures = new AtomicLong();

    Dispatcher(HostPolicy hosts, ControlPlane control, SandboxTraffic traffic) {
        this.hosts = hosts;
        this.control = control;
        this.traffic = traffic;
    }

    /** Runs on a virtual thread of its own, to the end of the exchange. */
    void handle(Exchange exchange) {
        try {
            route(exchange);
            if (!exchange.answered()) {
                throw new IllegalStateException("no answer to " + exchange.method() + " " + exchange.path());
            }
        } catch (ClientGoneException e) {
            exchange.reset();
        } catch (HttpFailure e) {
            fail(exchange, e.status(), e);
        } catch (EngineException e) {
            fail(exchange, Failures.httpStatus(e.code()), e);
        } catch (JsonException e) {
            fail(exchange, 400, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            exchange.reset();
        } catch (IOException | RuntimeException e) {
            unexpected(exchange, e);
        }
    }

    private void route(Exchange exchange) throws IOException, InterruptedException {
        var host = exchange.host();
        var byHost = SandboxRoute.ofHost(host);
        if (byHost.isEmpty() && !hosts.shared(host)) {
            throw new HttpFailure(403, "this host name is not served here: use localhost, an address, or the domain");
        }
        var route = byHost.isPresent() ? byHost : byHeaders(exchange, host);
        if (route.isPresent()) {
            traffic.handle(exchange, route.get());
        } else if (exchange.path().equals("/files")
                && exchange.query("signature").isPresent()) {
            traffic.handleSigned(exchange);
        } else if (!hosts.control(host)) {
            throw new HttpFailure(403, "the control plane is not served under this host name");
        } else {
            control.handle(exchange);
        }
    }

    private static Optional<SandboxRoute> byHeaders(Exchange exchange, String host) {
        try {
            return SandboxRoute.of(
                    host, exchange.header(E2b.HEADER_SANDBOX_ID), exchange.header(E2b.HEADER_SANDBOX_PORT));
        } catch (IllegalArgumentException e) {
            throw new HttpFailure(400, String.valueOf(e.getMessage()));
        }
    }

    private static void fail(Exchange exchange, int status, RuntimeException e) {
        if (exchange.answered()) {
            exchange.reset();
        } else {
            exchange.respondError(status, String.valueOf(e.getMessage()));
        }
    }

    private void unexpected(Exchange exchange, Exception e) {
        if (exchange.closed()) {
            return;
        }
        var id = failures.incrementAndGet();
        LOG.error("Request {} failed: {} {}", id, exchange.method(), exchange.path(), e);
        if (exchange.answered()) {
            exchange.reset();
        } else {
            exchange.respondError(500, "internal error " + id + ": the server's log has the details");
        }
    }
}
