package io.athenic.e2e;

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
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A client of an execution's output: docs/PROTOCOL.md, section 6. Keeps every message; used by one test thread. */
final class OutputSocket implements WebSocket.Listener, AutoCloseable {
    private static final Set<String> ENDS = Set.of("completed", "error", "cancelled", "timeout");
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    private final BlockingQueue<JsonNode> incoming = new LinkedBlockingQueue<>(10_000);
    private final CompletableFuture<Integer> closed = new CompletableFuture<>();
    private final StringBuilder partial = new StringBuilder();
    private final List<JsonNode> seen = new ArrayList<>();
    private final WebSocket socket;
    private volatile boolean left;

    /** @param query what stands behind {@code /?}, for example {@code clientId=x&after=3} */
    OutputSocket(int port, String query) {
        try {
            socket = CLIENT.newWebSocketBuilder()
                    .buildAsync(URI.create("ws://127.0.0.1:" + port + "/?" + query), this)
                    .get(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        } catch (ExecutionException | TimeoutException e) {
            throw new AssertionError("no WebSocket for " + query, e);
        }
    }

    @Override
    public @Nullable CompletionStage<?> onText(WebSocket webSocket, CharSequence data, boolean last) {
        partial.append(data);
        if (left) {
            return null;
        }
        if (last) {
            try {
                incoming.put(Http.JSON.readTree(partial.toString()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            partial.setLength(0);
        }
        webSocket.request(1);
        return null;
    }

    @Override
    public @Nullable CompletionStage<?> onClose(WebSocket webSocket, int statusCode, String reason) {
        closed.complete(statusCode);
        return null;
    }

    @Override
    public void onError(WebSocket webSocket, Throwable error) {
        closed.complete(1006); // as a browser calls it: an end without a goodbye
    }

    /** Reads on until a message fits. */
    JsonNode await(Predicate<JsonNode> wanted) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        try {
            while (System.nanoTime() < end) {
                JsonNode message = incoming.poll(100, TimeUnit.MILLISECONDS);
                if (message != null) {
                    seen.add(message);
                    if (wanted.test(message)) {
                        return message;
                    }
                } else if (closed.isDone() && incoming.isEmpty()) {
                    break;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        throw new AssertionError("the wanted message did not come; closed: " + closed + "; seen: "
                + seen.subList(Math.max(0, seen.size() - 20), seen.size()));
    }

    JsonNode awaitStatus(String status) {
        return await(message -> type(message).equals("status")
                && message.path("status").asText().equals(status));
    }

    /** Reads to the end of the execution; the last message's status. */
    String awaitEnd() {
        return await(OutputSocket::isEnd).path("status").asText();
    }

    /** Reads so many messages of stdout: empty, or the status of the end that came before. */
    String awaitTexts(int count) {
        for (int i = 0; i < count; i++) {
            JsonNode message = await(each -> type(each).equals("stdout") || isEnd(each));
            if (isEnd(message)) {
                return message.path("status").asText();
            }
        }
        return "";
    }

    private static boolean isEnd(JsonNode message) {
        return type(message).equals("status")
                && ENDS.contains(message.path("status").asText());
    }

    /** Hears nothing more: what has come is all that is {@link #seen}. */
    void leave() {
        left = true;
        socket.abort();
        for (JsonNode message = incoming.poll(); message != null; message = incoming.poll()) {
            seen.add(message);
        }
    }

    int awaitClose() {
        try {
            return closed.get(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        } catch (ExecutionException | TimeoutException e) {
            throw new AssertionError("the socket was not closed by the server", e);
        }
    }

    void send(String text) {
        socket.sendText(text, true).join();
    }

    /** Sends what the server may refuse, and hang up, before all of it is sent. */
    void sendRefused(String text) {
        var ignored = socket.sendText(text, true).exceptionally(_ -> socket).join();
    }

    List<JsonNode> seen() {
        return List.copyOf(seen);
    }

    /** All that came of one stream, joined. */
    String text(String stream) {
        var text = new StringBuilder();
        seen.stream()
                .filter(message -> type(message).equals(stream))
                .forEach(message -> text.append(message.path("data").asText()));
        return text.toString();
    }

    List<Long> sequences() {
        return seen.stream()
                .filter(message -> message.has("sequence"))
                .map(message -> message.path("sequence").asLong())
                .toList();
    }

    static String type(JsonNode message) {
        return message.path("type").asText();
    }

    /** As a lost network: no goodbye. */
    @Override
    public void close() {
        socket.abort();
    }
}
