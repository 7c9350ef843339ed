package io.athenic.server;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Prints one execution's stream (docs/PROTOCOL.md, section 6) and maps its end to an exit status: 0 completed, the program's own status where it has one,
 * else 1 for an error, 124 for a timeout, 130 when it was stopped. A lost connection is resumed at the last sequence, at most five times in a row.
 */
final class OutputStreamer {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int ATTEMPTS = 5;
    private static final Pattern EXIT_STATUS = Pattern.compile("(?:exit(?: status| code)?\\s*)?(\\d{1,3})");

    private final HttpClient http;
    private final PrintStream out;
    private final PrintStream err;
    private long sequence;
    private int status = 1;

    OutputStreamer(HttpClient http, PrintStream out, PrintStream err) {
        this.http = http;
        this.out = out;
        this.err = err;
    }

    /** Blocks until the execution has ended. */
    int stream(String url, String clientId, String executionId) throws IOException, InterruptedException {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            long before = sequence;
            if (attach(url + (url.contains("?") ? "&" : "?") + "clientId=" + encode(clientId) + "&executionId="
                    + encode(executionId) + "&after=" + sequence)) {
                return status;
            }
            attempt = sequence > before ? 0 : attempt;
            Thread.sleep(Duration.ofMillis(200L << attempt));
        }
        throw new IOException("the connection to the execution's output was lost");
    }

    /** One connection; true when the execution's end was seen. */
    private boolean attach(String url) throws InterruptedException {
        // The listener asks for one message at a time, so the queue never holds more than the message and the closing
        // mark.
        var messages = new ArrayBlockingQueue<String>(4);
        var listener = new Messages(messages);
        WebSocket socket;
        try {
            socket = http.newWebSocketBuilder()
                    .buildAsync(URI.create(url), listener)
                    .get(10, TimeUnit.SECONDS);
        } catch (java.util.concurrent.ExecutionException | java.util.concurrent.TimeoutException e) {
            return false;
        }
        try {
            for (String text = messages.take(); !text.isEmpty(); text = messages.take()) {
                if (print(text)) {
                    return true;
                }
                socket.request(1);
            }
            return false;
        } finally {
            socket.abort();
        }
    }

    private boolean print(String text) {
        JsonNode message;
        try {
            message = JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("the server sent a message that is not JSON", e);
        }
        sequence = Math.max(sequence, message.path("sequence").asLong(0));
        switch (message.path("type").asText()) {
            case "stdout" -> write(out, message.path("data").asText());
            case "stderr" -> write(err, message.path("data").asText());
            case "result" -> result(message.path("data"));
            case "error" -> {
                String traceback = message.path("traceback").asText("");
                write(err, (traceback.isEmpty() ? message.path("error").asText() : traceback) + "\n");
                var exit = EXIT_STATUS.matcher(message.path("value").asText(""));
                status = exit.matches() ? Math.clamp(Integer.parseInt(exit.group(1)), 1, 255) : 1;
            }
            case "truncated" -> write(err, "[" + message.path("message").asText() + "]\n");
            case "status" -> {
                switch (message.path("status").asText()) {
                    case "completed" -> {
                        status = 0;
                        return true;
                    }
                    case "error" -> {
                        return true;
                    }
                    case "timeout" -> {
                        status = 124;
                        return true;
                    }
                    case "cancelled" -> {
                        status = 130;
                        return true;
                    }
                    default -> {
                        // on the way
                    }
                }
            }
            default -> {
                // newer message types are not for this client
            }
        }
        return false;
    }

    private void result(JsonNode data) {
        if (!data.has("is_main_result")) {
            return;
        }
        if (data.path("is_main_result").asBoolean() && data.hasNonNull("text")) {
            write(out, data.path("text").asText() + "\n");
        } else if (data.hasNonNull("png") || data.hasNonNull("jpeg") || data.hasNonNull("svg")) {
            write(out, "[image] " + data.path("text").asText("") + "\n");
        } else if (data.hasNonNull("text")) {
            write(out, data.path("text").asText() + "\n");
        }
    }

    private static void write(PrintStream stream, String text) {
        stream.print(text);
        stream.flush();
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    /** Joins the frames of a message and hands it over; an empty text marks the end. */
    private static final class Messages implements WebSocket.Listener {
        private final BlockingQueue<String> queue;
        private final StringBuilder text = new StringBuilder();

        Messages(BlockingQueue<String> queue) {
            this.queue = queue;
        }

        @Override
        public @Nullable CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
            text.append(data);
            if (last) {
                queue.add(text.toString());
                text.setLength(0);
            } else {
                socket.request(1);
            }
            return null;
        }

        @Override
        public @Nullable CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            queue.offer("");
            return null;
        }

        @Override
        public void onError(WebSocket socket, Throwable error) {
            queue.offer("");
        }
    }
}
