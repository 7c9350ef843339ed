package io.athenic.chat.web;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.chat.Chat;
import io.athenic.chat.EventHub;
import io.athenic.chat.run.ExecuteMode;
import io.athenic.chat.thread.ActiveRun;
import io.athenic.chat.thread.ChatJson;
import io.athenic.chat.thread.ChatThread;
import io.athenic.chat.thread.ThreadSnapshot;
import io.athenic.execution.ApiException;
import io.athenic.execution.ErrorCode;
import io.athenic.execution.HealthSource;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The chat over HTTP: docs/PROTOCOL.md section 7. Whatever blocks runs on virtual threads. */
public final class ChatRoutes {

    private static final String THREAD = "/api/threads/:id";

    private final Chat chat;
    private final FileRoutes files;
    private final HealthSource health;

    private ChatRoutes(Chat chat, HealthSource health) {
        this.chat = chat;
        this.files = new FileRoutes(chat.files());
        this.health = health;
    }

    /**
     * Adds the routes. They read request bodies themselves: no body handler may stand before them.
     *
     * @param health tells the state of the engine
     */
    public static void mount(Router router, Chat chat, HealthSource health) {
        ChatRoutes routes = new ChatRoutes(chat, health);
        router.get("/api/status").handler(plain(routes::status));
        router.get("/api/threads").handler(plain(routes::threads));
        router.post("/api/threads").handler(withBody(routes::create));
        router.get(THREAD).handler(plain(routes::thread));
        router.patch(THREAD).handler(withBody(routes::rename));
        router.delete(THREAD).handler(plain(routes::delete));
        router.post(THREAD + "/messages").handler(withBody(routes::send));
        router.get(THREAD + "/events").handler(routes::follow);
        router.post(THREAD + "/runs/:run/cancel").handler(withBody((context, _) -> routes.cancel(context)));
        router.get(THREAD + "/files").handler(plain(routes.files::list));
        router.post(THREAD + "/files").handler(routes::upload);
        router.get(THREAD + "/files/content").handler(plain(routes.files::download));
        refuseOtherMethods(router);
    }

    private static void refuseOtherMethods(Router router) {
        for (String path : new String[] {
            "/api/status",
            "/api/threads",
            THREAD,
            THREAD + "/messages",
            THREAD + "/events",
            THREAD + "/runs/:run/cancel",
            THREAD + "/files",
            THREAD + "/files/content"
        }) {
            router.route(path)
                    .handler(context -> Replies.failure(
                            context,
                            new ApiException(
                                    ErrorCode.METHOD_NOT_ALLOWED,
                                    context.request().method() + " is not possible on "
                                            + context.request().path())));
        }
    }

    private interface BodyHandler {
        void handle(RoutingContext context, ObjectNode body);
    }

    private static io.vertx.core.Handler<RoutingContext> plain(Consumer<RoutingContext> handler) {
        return context -> onVirtualThread(context, () -> handler.accept(context));
    }

    private static void onVirtualThread(RoutingContext context, Runnable action) {
        Thread.ofVirtual()
                .name(context.request().method() + " " + context.request().path())
                .start(() -> {
                    try {
                        action.run();
                    } catch (RuntimeException e) {
                        Replies.failure(context, e);
                    }
                });
    }

    /** Collects a JSON body of at most 1 MiB, then handles it. */
    private static io.vertx.core.Handler<RoutingContext> withBody(BodyHandler handler) {
        return context -> {
            HttpServerRequest request = context.request();
            Buffer collected = Buffer.buffer();
            request.handler(chunk -> {
                if (collected.length() <= Requests.BODY_BYTES) {
                    collected.appendBuffer(chunk);
                    if (collected.length() > Requests.BODY_BYTES) {
                        context.response().putHeader("Connection", "close");
                        Replies.failure(context, RequestStream.tooLarge(Requests.BODY_BYTES));
                    }
                }
            });
            request.endHandler(_ -> {
                if (collected.length() <= Requests.BODY_BYTES) {
                    onVirtualThread(context, () -> handler.handle(context, Requests.object(context, collected)));
                }
            });
        };
    }

    private void status(RoutingContext context) {
        ObjectNode json = ChatJson.object().put("version", chat.version());
        JsonNode engine = health.health().path("engine");
        json.set("engine", engine.isObject() ? engine : ChatJson.object().put("status", "unknown"));
        ObjectNode model = json.putObject("model");
        chat.model()
                .ifPresentOrElse(
                        present -> model.put("status", "ready")
                                .put("provider", present.provider())
                                .put("name", present.name()),
                        () -> model.put("status", "absent")
                                .put(
                                        "detail",
                                        "Set ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY or OLLAMA_BASE_URL and"
                                                + " start Athenic again. Code that a message carries runs without a model."));
        Replies.json(context, 200, json);
    }

    private void threads(RoutingContext context) {
        ObjectNode json = ChatJson.object();
        ArrayNode list = json.putArray("threads");
        // A thousand threads would be a thousand questions to the sandbox service.
        chat.threads().forEach(thread -> list.add(ChatJson.thread(thread, "unknown")));
        Replies.json(context, 200, json);
    }

    private ObjectNode describe(ChatThread thread) {
        return ChatJson.thread(thread, chat.sandboxState(thread));
    }

    private void create(RoutingContext context, ObjectNode body) {
        ChatThread thread = chat.createThread(Requests.optionalText(body, "title"));
        Replies.json(context, 201, describe(thread));
    }

    private void thread(RoutingContext context) {
        ThreadSnapshot snapshot = chat.thread(Requests.path(context, "id"));
        ObjectNode json = describe(snapshot.thread());
        ArrayNode messages = json.putArray("messages");
        snapshot.messages().forEach(message -> messages.add(ChatJson.message(message)));
        json.put("lastEvent", snapshot.lastEvent());
        ActiveRun run = snapshot.activeRun();
        if (run != null) {
            json.putObject("activeRun")
                    .put("runId", run.id())
                    .put("messageId", run.messageId())
                    .put("status", run.status().wire());
        }
        Replies.json(context, 200, json);
    }

    private void rename(RoutingContext context, ObjectNode body) {
        Replies.json(context, 200, describe(chat.rename(Requests.path(context, "id"), Requests.text(body, "title"))));
    }

    private void delete(RoutingContext context) {
        chat.delete(Requests.path(context, "id"));
        context.response().setStatusCode(204).end();
    }

    private void send(RoutingContext context, ObjectNode body) {
        String text = Requests.text(body, "text");
        int bytes = text.getBytes(StandardCharsets.UTF_8).length;
        if (text.isBlank() || bytes > Chat.MESSAGE_BYTES) {
            throw Requests.invalid(
                    "text must have 1 to " + Chat.MESSAGE_BYTES + " bytes that are not blank, it has " + bytes);
        }
        ExecuteMode mode = mode(Requests.optionalText(body, "execute"));
        Chat.Sent sent = chat.send(Requests.path(context, "id"), text, Requests.texts(body, "files"), mode);
        Replies.json(
                context,
                202,
                ChatJson.object().put("messageId", sent.messageId()).put("runId", sent.runId()));
    }

    private static ExecuteMode mode(@Nullable String name) {
        if (name == null) {
            return ExecuteMode.AUTO;
        }
        for (ExecuteMode mode : ExecuteMode.values()) {
            if (mode.name().toLowerCase(Locale.ROOT).equals(name)) {
                return mode;
            }
        }
        throw Requests.invalid("execute must be auto, always or never");
    }

    private void cancel(RoutingContext context) {
        chat.cancel(Requests.path(context, "id"), Requests.path(context, "run"));
        Replies.json(context, 202, ChatJson.object().put("runId", Requests.path(context, "run")));
    }

    private void follow(RoutingContext context) {
        String threadId = Requests.path(context, "id");
        onVirtualThread(context, () -> {
            long after = Requests.after(context);
            if (chat.store().lastEvent(threadId).isEmpty()) {
                throw new ApiException(ErrorCode.NOT_FOUND, "there is no thread " + threadId);
            }
            EventHub.Follower follower = chat.hub().follow(threadId);
            context.response()
                    .closeHandler(_ -> follower.close())
                    .exceptionHandler(_ -> follower.close())
                    .putHeader("Content-Type", "text/event-stream; charset=utf-8")
                    .putHeader("Cache-Control", "no-store")
                    .putHeader("X-Accel-Buffering", "no")
                    .setChunked(true);
            new EventStream(chat, threadId, after, context.response(), follower).run();
        });
    }

    private void upload(RoutingContext context) {
        RequestStream body;
        try {
            body = files.open(context);
        } catch (ApiException | NumberFormatException e) {
            context.response().putHeader("Connection", "close");
            Replies.failure(
                    context, e instanceof ApiException ? e : Requests.invalid("Content-Length is not a number"));
            return;
        }
        onVirtualThread(context, () -> {
            try {
                files.upload(context, body);
            } catch (RuntimeException e) {
                // What is left of the body is not worth reading.
                if (!context.response().headWritten()) {
                    context.response().putHeader("Connection", "close");
                }
                throw body.isTooLarge() ? RequestStream.tooLarge(FileRoutes.UPLOAD_BYTES) : e;
            }
        });
    }
}
