package io.athenic.chat.testing;

import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.chat.Chat;
import io.athenic.chat.ChatConfig;
import io.athenic.chat.llm.ChatModelConfig;
import io.athenic.chat.llm.ModelLimits;
import io.athenic.chat.run.RunLimits;
import io.athenic.chat.store.DatabaseConfig;
import io.athenic.chat.web.ChatRoutes;
import io.athenic.e2b.E2bClient;
import io.athenic.e2b.E2bOptions;
import io.athenic.e2b.testing.FakeE2b;
import io.athenic.execution.ExecutionConfig;
import io.athenic.execution.ExecutionService;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.ext.web.Router;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The chat behind a real HTTP server, over the real execution service and a scripted E2B. */
public final class ChatFixture implements AutoCloseable {

    public static final RunLimits LIMITS = new RunLimits(
            Duration.ofSeconds(60),
            Duration.ofSeconds(30),
            8,
            3,
            new ModelLimits(Duration.ofSeconds(5), Duration.ofSeconds(20), Duration.ofSeconds(20)));

    private static final ObjectMapper MAPPER = new ObjectMapper();

    public final FakeE2b e2b = FakeE2b.start();
    private final E2bClient client = new E2bClient(E2bOptions.of(FakeE2b.KEY, e2b.url()));
    private final ExecutionService executions;
    private final Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final Chat chat;
    private final HttpServer server;

    private ChatFixture(Path folder, @Nullable ChatModelConfig model, RunLimits limits) {
        executions = new ExecutionService(
                client, ExecutionConfig.of(folder.resolve("output"), "ws://127.0.0.1:4000"), InstantSource.system());
        ChatConfig config = new ChatConfig(
                DatabaseConfig.sqlite(folder.resolve("chat.db")),
                Optional.ofNullable(model),
                limits,
                16,
                "main",
                "1.2.3");
        chat = Chat.start(config, executions, InstantSource.system());
        Router router = Router.router(vertx);
        ChatRoutes.mount(router, chat, () -> {
            ObjectNode health = MAPPER.createObjectNode();
            health.putObject("engine").put("status", "ready");
            return health;
        });
        server = vertx.createHttpServer().requestHandler(router);
        server.listen(0, "127.0.0.1").await();
    }

    public static ChatFixture start(Path folder) {
        return new ChatFixture(folder, null, LIMITS);
    }

    public static ChatFixture start(Path folder, FakeModel model) {
        return new ChatFixture(folder, model.config(), LIMITS);
    }

    public static ChatFixture start(Path folder, @Nullable ChatModelConfig model, RunLimits limits) {
        return new ChatFixture(folder, model, limits);
    }

    public Chat chat() {
        return chat;
    }

    public URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.actualPort() + path);
    }

    /** An answer: its status, its body as JSON (missing node when it is none), the whole. */
    public record Reply(int status, JsonNode json, HttpResponse<byte[]> response) {}

    public Reply call(String method, String path, @Nullable String body) {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri(path));
        if (body != null) {
            request.header("Content-Type", "application/json");
        }
        return send(request.method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body))
                .build());
    }

    public Reply send(HttpRequest request) {
        try {
            HttpResponse<byte[]> response = http.send(request, BodyHandlers.ofByteArray());
            JsonNode json =
                    response.headers().firstValue("Content-Type").orElse("").startsWith("application/json")
                            ? MAPPER.readTree(response.body())
                            : MAPPER.missingNode();
            return new Reply(response.statusCode(), json, response);
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    public HttpClient http() {
        return http;
    }

    public String newThread() {
        return call("POST", "/api/threads", "{}").json().path("id").asText();
    }

    /** Sends a message and answers the run's id. */
    public String say(String thread, String text) {
        Reply reply =
                call("POST", "/api/threads/" + thread + "/messages", text(text).toString());
        if (reply.status() != 202) {
            throw new AssertionError("not accepted: " + reply.json());
        }
        return reply.json().path("runId").asText();
    }

    public static ObjectNode text(String text) {
        return MAPPER.createObjectNode().put("text", text);
    }

    /** Sends a message and waits for the whole answer. */
    public JsonNode ask(String thread, String text) {
        say(thread, text);
        return answer(thread);
    }

    /** The newest message once no run is active. */
    public JsonNode answer(String thread) {
        await().atMost(Duration.ofSeconds(90))
                .pollInterval(Duration.ofMillis(10))
                .until(() -> !thread(thread).has("activeRun"));
        JsonNode messages = thread(thread).path("messages");
        return messages.path(messages.size() - 1);
    }

    public JsonNode thread(String thread) {
        return call("GET", "/api/threads/" + thread, null).json();
    }

    /** Waits until the newest message holds this text anywhere. */
    public void awaitInMessages(String thread, String text) {
        await().atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(10))
                .until(() -> thread(thread).path("messages").toString().contains(text));
    }

    /** The part of a type, a missing node when there is none. */
    public static JsonNode part(JsonNode message, String type) {
        for (JsonNode part : message.path("parts")) {
            if (part.path("type").asText().equals(type)) {
                return part;
            }
        }
        return MAPPER.missingNode();
    }

    @Override
    public void close() {
        server.close().await();
        chat.close();
        executions.close();
        client.close();
        e2b.close();
        vertx.close().await();
        http.shutdownNow();
    }
}
