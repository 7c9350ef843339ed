package io.athenic.execution;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A WebSocket client that reads when it is told to. */
final class TestSocket implements AutoCloseable, WebSocket.Listener {
    private static final Set<String> FINAL = Set.of("completed", "error", "cancelled", "timeout");

    private record Closed(int code, String reason) {}

    private final HttpClient http = HttpClient.newHttpClient();
    private final BlockingQueue<JsonNode> messages = new LinkedBlockingQueue<>();
    private final CompletableFuture<Closed> closed = new CompletableFuture<>();
    private final StringBuilder text = new StringBuilder();
    private volatile boolean paused;
    private @Nullable WebSocket socket;

    static TestSocket open(int port, String pathAndQuery) {
        var test = new TestSocket();
        test.socket = test.http
                .newWebSocketBuilder()
                .buildAsync(URI.create("ws://127.0.0.1:" + port + pathAndQuery), test)
                .join();
        return test;
    }

    JsonNode next() throws InterruptedException {
        JsonNode message = messages.poll(60, TimeUnit.SECONDS);
        if (message == null) {
            throw new AssertionError("no message came");
        }
        return message;
    }

    /** All messages up to the first that fits. */
    List<JsonNode> until(Predicate<JsonNode> last) throws InterruptedException {
        List<JsonNode> all = new ArrayList<>();
        do {
            all.add(next());
        } while (!last.test(all.getLast()));
        return all;
    }

    /** All messages up to the last status of an execution. */
    List<JsonNode> untilFinal() throws InterruptedException {
        return until(m -> m.path("type").asText().equals("status")
                && FINAL.contains(m.path("status").asText()));
    }

    void send(String message) {
        socket().sendText(message, true).join();
    }

    /** Reads nothing from the socket any more. */
    void pause() {
        paused = true;
    }

    void resume() {
        paused = false;
        socket().request(1);
    }

    int closeCode() {
        return closed.orTimeout(60, TimeUnit.SECONDS).join().code();
    }

    String closeReason() {
        return closed.orTimeout(60, TimeUnit.SECONDS).join().reason();
    }

    @Override
    public void close() {
        socket().abort();
        http.shutdownNow();
        http.close();
    }

    @Override
    public @Nullable CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
        text.append(data);
        if (last) {
            try {
                messages.add(Json.MAPPER.readTree(text.toString()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            text.setLength(0);
        }
        if (!paused) {
            from.request(1);
        }
        return null;
    }

    @Override
    public @Nullable CompletionStage<?> onClose(WebSocket from, int code, String reason) {
        closed.complete(new Closed(code, reason));
        return null;
    }

    @Override
    public void onError(WebSocket from, Throwable error) {
        closed.complete(new Closed(1006, error.toString()));
    }

    private WebSocket socket() {
        WebSocket current = socket;
        if (current == null) {
            throw new IllegalStateException("not open");
        }
        return current;
    }
}
