package io.athenic.server;

import io.athenic.chat.Chat;
import io.athenic.chat.ChatConfig;
import io.athenic.chat.llm.ChatModelConfig;
import io.athenic.chat.web.ChatRoutes;
import io.athenic.e2b.E2bClient;
import io.athenic.e2b.E2bOptions;
import io.athenic.e2b.server.E2bServer;
import io.athenic.e2b.server.E2bServerConfig;
import io.athenic.engine.Engine;
import io.athenic.engine.EngineConfig;
import io.athenic.engine.EngineException;
import io.athenic.engine.EngineState;
import io.athenic.engine.Pooling;
import io.athenic.engine.template.CopiedFiles;
import io.athenic.engine.template.TemplateBuilder;
import io.athenic.execution.ExecutionConfig;
import io.athenic.execution.ExecutionRoutes;
import io.athenic.execution.ExecutionService;
import io.athenic.execution.ExecutionSockets;
import io.athenic.server.ServerConfig.EngineKind;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.ext.web.Router;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The whole application in one process: what is wired to what, read from top to bottom. Everything that was opened is closed in reverse, also when a later
 * step of the start fails.
 */
final class App implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(App.class);
    private static final Duration ROOMD_START = Duration.ofSeconds(20);
    private static final Duration TEMPLATE_LOAD = Duration.ofSeconds(60);

    private final ServerConfig config;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final AtomicBoolean failed = new AtomicBoolean();
    private int port;
    private int e2bPort;
    private List<String> notes = List.of();

    private App(ServerConfig config) {
        this.config = config;
    }

    /**
     * Starts everything and returns when a sandbox can be made.
     *
     * @param onFailure called at most once when the application cannot go on, since roomd is gone
     * @throws StartException with what to do
     */
    static App start(ServerConfig config, Runnable onFailure) {
        var app = new App(config);
        try {
            app.open(onFailure);
            return app;
        } catch (RuntimeException | IOException e) {
            app.close();
            throw e instanceof RuntimeException known
                    ? known
                    : new StartException("cannot start: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            app.close();
            Thread.currentThread().interrupt();
            throw new StartException("interrupted while starting", e);
        }
    }

    private void open(Runnable onFailure) throws IOException, InterruptedException {
        InstantSource clock = InstantSource.system();
        Vertx vertx = Vertx.vertx(new VertxOptions()
                .setPreferNativeTransport(false)
                .setFileSystemOptions(new FileSystemOptions()
                        .setClassPathResolvingEnabled(false)
                        .setFileCachingEnabled(false)));
        opened.push(
                () -> vertx.close().toCompletionStage().toCompletableFuture().join());

        // The door of port 4000 opens first, since the addresses that clients get name its port; it answers 503 until
        // the rest is wired.
        var edge = new HttpEdge(vertx, new EdgeGuard(config.webSocketUrl()));
        port = edge.listen(config.host(), config.port());
        opened.push(edge);

        var metrics = new MetricsRoute();
        opened.push(metrics);
        @Nullable
        Engine engine = config.engine() == EngineKind.EMBEDDED ? startEngine(clock, metrics, onFailure) : null;
        E2bClient client =
                engine == null ? new E2bClient(E2bOptions.fromEnv(config.secrets())) : serveE2b(vertx, engine, clock);
        opened.push(client);

        String webSocketUrl = config.webSocketUrl().isEmpty() ? "ws://" + authority() : config.webSocketUrl();
        var executions = new ExecutionService(
                client,
                ExecutionConfig.of(config.data().resolve("output"), webSocketUrl)
                        .withSandboxTimeout(config.idleTimeout()),
                clock);
        opened.push(executions);

        Optional<ChatModelConfig> model = ChatModelConfig.fromEnvironment(config.secrets());
        Chat chat = Chat.start(ChatConfig.of(Databases.of(config), model, Version.of(App.class)), executions, clock);
        opened.push(chat);

        var health = new Health(engine, model);
        Router router = edge.router();
        ExecutionRoutes.mount(router, executions, chat.analyzer(), health);
        ChatRoutes.mount(router, chat, health);
        metrics.mount(router);
        WebFiles.mount(router, vertx);
        var sockets = new ExecutionSockets(executions);
        opened.push(sockets);
        edge.serve(router, sockets::accept);
        opened.push(edge::refuse);

        if (engine != null && !engine.awaitReady(TEMPLATE_LOAD)) {
            throw new StartException(
                    "the sandbox engine is not ready: " + engine.status().detail());
        }
        executions.resume();
    }

    private Engine startEngine(InstantSource clock, MetricsRoute metrics, Runnable onFailure)
            throws InterruptedException {
        awaitSocket(config.roomdSocket());
        var engineConfig = new EngineConfig(
                config.roomdSocket(),
                config.templates(),
                new Pooling(config.poolSize(), config.poolMax()),
                config.maxSandboxes(),
                config.limits(),
                Duration.ofSeconds(30),
                config.bounds(),
                config.egress(),
                config.data().resolve("sandboxes"),
                config.onRestart(),
                config.keeping());
        Engine engine;
        try {
            engine = Engine.start(engineConfig, clock, metrics.registry());
        } catch (EngineException e) {
            throw new StartException(
                    "the sandbox engine does not start: " + e.getMessage()
                            + ". roomd.log in the data folder says more.",
                    e);
        }
        opened.push(engine);
        notes = engine.status().notes();
        Thread.ofVirtual().name("engine-watch").start(() -> watch(engine, onFailure));
        return engine;
    }

    /** roomd is started at the same time as this process: its socket may come later. */
    private static void awaitSocket(Path socket) throws InterruptedException {
        long deadline = System.nanoTime() + ROOMD_START.toNanos();
        while (!Files.exists(socket)) {
            if (System.nanoTime() > deadline) {
                throw new StartException("roomd did not start within " + ROOMD_START.toSeconds()
                        + " s: roomd.log in the data folder says why");
            }
            Thread.sleep(10);
        }
    }

    private void watch(Engine engine, Runnable onFailure) {
        while (!closed.get()) {
            if (engine.status().state() == EngineState.FAILED) {
                LOG.error("The sandbox engine failed: {}", engine.status().detail());
                failed.set(true);
                onFailure.run();
                return;
            }
            try {
                Thread.sleep(200);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private E2bClient serveE2b(Vertx vertx, Engine engine, InstantSource clock) throws IOException {
        String key = ApiKey.readOrMake(config.data().resolve("api-key"));
        engine.openTemplates(config.data().resolve("templates"));
        var files = new CopiedFiles(config.data().resolve("template-files"));
        var builder = new TemplateBuilder(engine, files, config.templateBytes(), clock);
        opened.push(builder);
        E2bServer server = E2bServer.start(
                vertx, E2bServerConfig.of(config.host(), config.e2bPort(), key), engine, clock, Optional.of(builder));
        opened.push(server);
        e2bPort = server.port();
        return client();
    }

    /** A client of the E2B API that is served here. */
    E2bClient client() throws IOException {
        String key = ApiKey.readOrMake(config.data().resolve("api-key"));
        return new E2bClient(E2bOptions.of(key, "http://" + bracketed(config.host()) + ":" + e2bPort));
    }

    private String authority() {
        return bracketed(config.host()) + ":" + port;
    }

    private static String bracketed(String host) {
        return host.contains(":") ? "[" + host + "]" : host;
    }

    /** What isolates sandboxes less on this machine than it could, and why. */
    List<String> notes() {
        return notes;
    }

    /** The address for people. */
    String url() {
        return "http://" + authority();
    }

    boolean failed() {
        return failed.get();
    }

    /** {@code server.json}: tells the launcher that this server runs, and where. */
    void writeServerFile() {
        Path file = config.data().resolve("server.json");
        Path fresh = config.data().resolve("server.json.new");
        String json = "{\"pid\":%d,\"port\":%d,\"e2bPort\":%d}%n"
                .formatted(ProcessHandle.current().pid(), port, e2bPort);
        try {
            Files.writeString(fresh, json, StandardCharsets.UTF_8);
            try (var channel = FileChannel.open(fresh)) {
                channel.force(true);
            }
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            throw new IllegalStateException("the data folder's file system cannot rename atomically", e);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + file, e);
        }
        opened.push(() -> {
            if (!failed.get()) { // else the launcher starts it again, on the ports that stand here
                Files.deleteIfExists(file);
            }
        });
    }

    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (Exception e) {
                LOG.warn("Could not close cleanly: {}", e.toString());
            }
        }
    }
}
