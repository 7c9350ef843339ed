package io.athenic.execution;

import io.athenic.e2b.E2bClient;
import io.athenic.e2b.E2bOptions;
import io.athenic.e2b.testing.FakeE2b;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.ext.web.Router;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.awaitility.Awaitility;

/** The service over a fake E2B, with its routes and sockets on a real port. */
final class ServiceFixture implements AutoCloseable {
    static final Duration SOON = Duration.ofSeconds(60);

    private final FakeE2b e2b = FakeE2b.start();
    private final E2bClient client = new E2bClient(E2bOptions.of(FakeE2b.KEY, e2b.url()));
    private final AtomicReference<Duration> passed = new AtomicReference<>(Duration.ZERO);
    private final ExecutionService service;
    private final ExecutionSockets sockets;
    private final Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
    private final HttpServer server;

    ServiceFixture(Path folder, UnaryOperator<ExecutionConfig> change) {
        Awaitility.setDefaultTimeout(SOON);
        InstantSource clock = () -> Instant.now().plus(passed.get());
        // Code that obeys is never called disobedient, however slow the machine is.
        ExecutionConfig config =
                ExecutionConfig.of(folder, "ws://127.0.0.1:4000").withStopGrace(SOON);
        service = new ExecutionService(client, change.apply(config), clock);
        sockets = new ExecutionSockets(service);
        Router router = Router.router(vertx);
        ExecutionRoutes.mount(
                router,
                service,
                (message, history) -> new IntentAnalyzer.Intent(
                        message.contains("run"),
                        message.contains("run") ? "python" : null,
                        null,
                        history.size() + " turns"),
                () -> Json.object().put("engine", "fake"));
        server = vertx.createHttpServer(
                        new HttpServerOptions().setHost("127.0.0.1").setPort(0))
                .requestHandler(router)
                .webSocketHandler(sockets::accept);
        server.listen().await();
    }

    static ServiceFixture start(Path folder) {
        return new ServiceFixture(folder, config -> config);
    }

    FakeE2b e2b() {
        return e2b;
    }

    ExecutionService service() {
        return service;
    }

    ExecutionSockets sockets() {
        return sockets;
    }

    int port() {
        return server.actualPort();
    }

    /** Moves the service's clock. */
    void pass(Duration time) {
        passed.updateAndGet(time::plus);
    }

    /** Starts code in a fresh sandbox and waits for its end. */
    ExecutionOutcome run(String code) throws InterruptedException {
        return service.start(ExecutionRequest.of(code, "python")).await(SOON);
    }

    @Override
    public void close() {
        sockets.close();
        service.close();
        vertx.close().await();
        client.close();
        e2b.close();
    }
}
