package io.athenic.execution;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vertx.core.http.ServerWebSocket;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One client's WebSocket: a virtual thread reads the logs of its executions, one after the other, at the pace that the client takes them.
 * Messages of the client are served on the socket's event loop.
 */
final class ClientConnection {
    private static final Logger LOG = LoggerFactory.getLogger(ClientConnection.class);

    private static final Duration POLL = Duration.ofSeconds(10);
    private static final Duration PING_INTERVAL = Duration.ofSeconds(20);

    /** A client that answers no ping for so long is gone. */
    private static final Duration SILENCE = Duration.ofSeconds(90);

    /** A client that takes nothing for so long is given up; it can come back and resume. */
    private static final Duration SLOWEST_CLIENT = Duration.ofMinutes(5);

    private static final int WINDOW_BYTES = 256 << 10;
    private static final int MAX_MESSAGE = 64 << 10;

    private final ExecutionService service;
    private final ServerWebSocket socket;
    private final String clientId;
    private final @Nullable String wantedExecution;
    private final long after;
    private final WriteWindow window = new WriteWindow(WINDOW_BYTES);
    private final Thread writer;
    private volatile boolean closed;
    private volatile long lastHeard = System.nanoTime();
    private long lastPing = System.nanoTime();

    /** @param after sequence of {@code wantedExecution}, or else of the client's latest, behind which the stream begins */
    ClientConnection(
            ExecutionService service,
            ServerWebSocket socket,
            String clientId,
            @Nullable String wantedExecution,
            long after) {
        this.service = service;
        this.socket = socket;
        this.clientId = clientId;
        this.wantedExecution = wantedExecution;
        this.after = after;
        this.writer = Thread.ofVirtual().name("client-" + clientId).unstarted(this::write);
    }

    /** Preconditions: on the socket's event loop. */
    void start(Runnable onClosed) {
        socket.closeHandler(_ -> {
            closed = true;
            writer.interrupt();
            onClosed.run();
        });
        socket.exceptionHandler(e -> {
            // Most often a message over the server's bound, which is refused before receive() sees it: say so, or it is
            // lost in silence.
            LOG.debug("client {}: {}", clientId, e.toString());
            close((short) 1009, "What was sent is no message of at most 64 KiB");
        });
        socket.pongHandler(_ -> lastHeard = System.nanoTime());
        socket.textMessageHandler(this::receive);
        socket.binaryMessageHandler(_ -> reply(error("Messages are text: send JSON like {\"type\":\"ping\"}.")));
        writer.start();
    }

    /** For any thread. */
    void close(short code, String reason) {
        closed = true;
        writer.interrupt();
        var ignored = socket.close(code, reason);
    }

    private void write() {
        try {
            send(Json.object()
                    .put("type", "status")
                    .put("status", "connected")
                    .put("clientId", clientId)
                    .put("message", "Connected as client " + clientId)
                    .put("id", UUID.randomUUID().toString())
                    .put("timestamp", service.clock().instant().toString())
                    .toString());
            follow();
        } catch (InterruptedException e) {
            // The socket is closed: this is how the writer learns of it.
            closed = true;
        } catch (RuntimeException e) {
            LOG.error("client {}: the stream failed by our fault", clientId, e);
            close((short) 1011, "The stream failed by a fault of the service");
        }
    }

    private void follow() throws InterruptedException {
        long ordinal = 0;
        Optional<Execution> first = first();
        if (first.isPresent()) {
            ordinal = first.get().ordinal();
            stream(first.get(), after);
        } else if (wantedExecution != null) {
            send(error("There is no execution " + abbreviated(wantedExecution)
                            + " of this client: it never was, or it ended too long ago.")
                    .toString());
            ordinal = service.store().latestOf(clientId).map(Execution::ordinal).orElse(0L);
        }
        while (!closed) {
            Optional<Execution> next = service.store().awaitNextOf(clientId, ordinal, POLL);
            if (next.isPresent()) {
                ordinal = next.get().ordinal();
                stream(next.get(), 0);
            }
            checkAlive();
        }
    }

    /** Where the stream begins: what the client asked for, or its latest. */
    private Optional<Execution> first() {
        String wanted = wantedExecution;
        return wanted == null ? service.store().latestOf(clientId) : own(wanted);
    }

    /** Another client's execution is as unknown. */
    private Optional<Execution> own(String executionId) {
        return service.find(executionId)
                .filter(execution ->
                        execution.clientId().filter(clientId::equals).isPresent());
    }

    private void stream(Execution execution, long from) throws InterruptedException {
        long start = Math.min(from, execution.log().lastSequence());
        try (LogReader reader = execution.log().readAfter(start)) {
            while (!closed && !reader.atEnd()) {
                LogItem item = reader.next(POLL);
                if (item != null) {
                    send(new String(item.json(), StandardCharsets.UTF_8));
                }
                checkAlive();
            }
        }
    }

    private void send(String message) throws InterruptedException {
        if (!closed && !window.write(message.length(), SLOWEST_CLIENT, () -> socket.writeTextMessage(message))) {
            close(ExecutionSockets.TRY_AGAIN_LATER, "The client is too slow: connect again and resume");
        }
    }

    private void checkAlive() {
        long now = System.nanoTime();
        if (now - lastHeard > SILENCE.toNanos()) {
            close(ExecutionSockets.GOING_AWAY, "No sign of life");
        } else if (!closed && now - lastPing > PING_INTERVAL.toNanos()) {
            lastPing = now;
            var ignored = socket.writePing(io.vertx.core.buffer.Buffer.buffer("athenic"));
        }
    }

    private void receive(String text) {
        lastHeard = System.nanoTime();
        if (text.length() > MAX_MESSAGE) {
            close((short) 1009, "A message is larger than 64 KiB");
            return;
        }
        JsonNode message;
        try {
            message = Json.MAPPER.readTree(text);
        } catch (IOException e) {
            reply(error("The message is not valid JSON: send {\"type\":\"cancel\"} or {\"type\":\"ping\"}."));
            return;
        }
        switch (message.path("type").asText("")) {
            case "ping" ->
                reply(Json.object()
                        .put("type", "pong")
                        .put("timestamp", service.clock().instant().toString()));
            case "cancel" -> cancel(message.path("executionId"));
            default ->
                reply(error(
                        "The type of the message is not known: send {\"type\":\"cancel\"} or {\"type\":\"ping\"}."));
        }
    }

    private void cancel(JsonNode id) {
        Optional<Execution> execution =
                id.isTextual() ? own(id.textValue()) : service.store().latestOf(clientId);
        if (execution.isEmpty() || execution.get().status().isFinal()) {
            reply(error("There is no running execution of this client to cancel."));
            return;
        }
        boolean ignored = service.cancel(execution.get().id(), CancelCause.USER);
    }

    private ObjectNode error(String text) {
        return Json.object()
                .put("type", "error")
                .put("error", text)
                .put("timestamp", service.clock().instant().toString());
    }

    /** Preconditions: on the event loop. A client that asks faster than it reads is not read from meanwhile. */
    private void reply(ObjectNode message) {
        if (closed) {
            return;
        }
        var ignored = socket.writeTextMessage(message.toString());
        if (socket.writeQueueFull()) {
            socket.pause();
            socket.drainHandler(_ -> socket.resume());
        }
    }

    private static String abbreviated(String text) {
        return text.length() <= 60 ? text : text.substring(0, 60) + "…";
    }
}
