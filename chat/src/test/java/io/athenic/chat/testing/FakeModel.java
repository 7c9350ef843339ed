package io.athenic.chat.testing;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.athenic.chat.llm.ChatModelConfig;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A provider's HTTP server that answers from a script, in the streaming wire format of OpenAI or Anthropic. */
public final class FakeModel implements AutoCloseable {

    /** One answer of the script. */
    public sealed interface Answer {
        /** Streams text in pieces. */
        record Text(List<String> pieces) implements Answer {}

        /** Asks for a tool; {@code arguments} are sent as they are. */
        record Tool(String name, String arguments, String before) implements Answer {}

        record Failure(int status, String body) implements Answer {}

        /** Says these pieces and then nothing more, with the connection open. */
        record Hang(List<String> pieces) implements Answer {}

        /** Breaks the connection after these pieces. */
        record Cut(List<String> pieces) implements Answer {}

        /** A stream that is no JSON. */
        record Garbage() implements Answer {}
    }

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final ChatModelConfig.Provider provider;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Queue<Answer> script = new ConcurrentLinkedQueue<>();
    private final List<JsonNode> requests = new CopyOnWriteArrayList<>();
    private final CountDownLatch closed = new CountDownLatch(1);

    private FakeModel(ChatModelConfig.Provider provider) throws IOException {
        this.provider = provider;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::serve);
        server.setExecutor(threads);
        server.start();
    }

    public static FakeModel start(ChatModelConfig.Provider provider) throws IOException {
        return new FakeModel(provider);
    }

    public ChatModelConfig config() {
        String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/v1";
        return new ChatModelConfig(provider, "test-model", url, "sk-secret-key");
    }

    public FakeModel says(String... pieces) {
        script.add(new Answer.Text(List.of(pieces)));
        return this;
    }

    public FakeModel runs(String language, String code) {
        ObjectNode arguments =
                MAPPER.createObjectNode().put("language", language).put("code", code);
        return tool("execute_code", arguments.toString(), "");
    }

    public FakeModel tool(String name, String arguments, String before) {
        script.add(new Answer.Tool(name, arguments, before));
        return this;
    }

    public FakeModel answers(Answer answer) {
        script.add(answer);
        return this;
    }

    /** The bodies of all requests so far. */
    public List<JsonNode> requests() {
        return List.copyOf(requests);
    }

    private void serve(HttpExchange exchange) throws IOException {
        requests.add(MAPPER.readTree(exchange.getRequestBody().readAllBytes()));
        Answer answer = script.poll();
        if (answer == null) {
            answer = new Answer.Failure(500, "{\"error\":{\"message\":\"the script is over\"}}");
        }
        if (answer instanceof Answer.Failure failure) {
            byte[] body = failure.body().getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().add("Content-Type", "application/json");
            exchange.sendResponseHeaders(failure.status(), body.length == 0 ? -1 : body.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(body);
            }
            exchange.close();
            return;
        }
        exchange.getResponseHeaders().add("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
        OutputStream out = exchange.getResponseBody();
        if (provider == ChatModelConfig.Provider.ANTHROPIC) {
            anthropic(answer, out);
        } else {
            openAi(answer, out);
        }
        exchange.close();
    }

    private void openAi(Answer answer, OutputStream out) throws IOException {
        switch (answer) {
            case Answer.Text text -> {
                openAiText(text.pieces(), out);
                openAiEnd("stop", out);
            }
            case Answer.Tool tool -> {
                openAiText(tool.before().isEmpty() ? List.of() : List.of(tool.before()), out);
                int half = tool.arguments().length() / 2;
                send(out, "", openAiTool(tool.name(), tool.arguments().substring(0, half), true));
                send(out, "", openAiTool(tool.name(), tool.arguments().substring(half), false));
                openAiEnd("tool_calls", out);
            }
            case Answer.Hang hang -> {
                openAiText(hang.pieces(), out);
                hang();
            }
            case Answer.Cut cut -> openAiText(cut.pieces(), out);
            case Answer.Garbage _ -> out.write("data: {nonsense\n\n".getBytes(StandardCharsets.UTF_8));
            case Answer.Failure _ -> throw new AssertionError("answered before");
        }
    }

    private static void openAiText(List<String> pieces, OutputStream out) throws IOException {
        for (String piece : pieces) {
            ObjectNode chunk = openAiChunk();
            choice(chunk).putObject("delta").put("content", piece);
            send(out, "", chunk.toString());
        }
    }

    private static String openAiTool(String name, String arguments, boolean first) {
        ObjectNode chunk = openAiChunk();
        ObjectNode call = choice(chunk)
                .putObject("delta")
                .putArray("tool_calls")
                .addObject()
                .put("index", 0);
        if (first) {
            call.put("id", "call_1").put("type", "function");
        }
        ObjectNode function = call.putObject("function").put("arguments", arguments);
        if (first) {
            function.put("name", name);
        }
        return chunk.toString();
    }

    private static void openAiEnd(String reason, OutputStream out) throws IOException {
        ObjectNode chunk = openAiChunk();
        choice(chunk).put("finish_reason", reason).putObject("delta");
        send(out, "", chunk.toString());
        send(out, "", "[DONE]");
    }

    private static ObjectNode openAiChunk() {
        ObjectNode chunk = MAPPER.createObjectNode()
                .put("id", "chatcmpl-1")
                .put("object", "chat.completion.chunk")
                .put("created", 1)
                .put("model", "test-model");
        chunk.putArray("choices").addObject().put("index", 0).putNull("finish_reason");
        return chunk;
    }

    private static ObjectNode choice(ObjectNode chunk) {
        return (ObjectNode) chunk.path("choices").path(0);
    }

    private void anthropic(Answer answer, OutputStream out) throws IOException {
        if (answer instanceof Answer.Garbage) {
            out.write("event: content_block_delta\ndata: {nonsense\n\n".getBytes(StandardCharsets.UTF_8));
            return;
        }
        event(
                out,
                "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\","
                        + "\"content\":[],\"model\":\"test-model\",\"stop_reason\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}");
        switch (answer) {
            case Answer.Text text -> {
                anthropicText(text.pieces(), out);
                anthropicEnd("end_turn", out);
            }
            case Answer.Tool tool -> {
                int index = 0;
                if (!tool.before().isEmpty()) {
                    anthropicText(List.of(tool.before()), out);
                    index = 1;
                }
                event(
                        out,
                        "{\"type\":\"content_block_start\",\"index\":" + index
                                + ",\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\""
                                + tool.name()
                                + "\",\"input\":{}}}");
                ObjectNode delta = MAPPER.createObjectNode()
                        .put("type", "content_block_delta")
                        .put("index", index);
                delta.putObject("delta").put("type", "input_json_delta").put("partial_json", tool.arguments());
                event(out, delta.toString());
                event(out, "{\"type\":\"content_block_stop\",\"index\":" + index + "}");
                anthropicEnd("tool_use", out);
            }
            case Answer.Hang hang -> {
                anthropicText(hang.pieces(), out);
                hang();
            }
            case Answer.Cut cut -> anthropicText(cut.pieces(), out);
            case Answer.Failure _, Answer.Garbage _ -> throw new AssertionError("answered before");
        }
    }

    private static void anthropicText(List<String> pieces, OutputStream out) throws IOException {
        event(
                out,
                "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}");
        for (String piece : pieces) {
            ObjectNode delta =
                    MAPPER.createObjectNode().put("type", "content_block_delta").put("index", 0);
            delta.putObject("delta").put("type", "text_delta").put("text", piece);
            event(out, delta.toString());
        }
        event(out, "{\"type\":\"content_block_stop\",\"index\":0}");
    }

    private static void anthropicEnd(String reason, OutputStream out) throws IOException {
        event(
                out,
                "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" + reason
                        + "\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":5}}");
        event(out, "{\"type\":\"message_stop\"}");
    }

    private static void event(OutputStream out, String json) throws IOException {
        send(out, MAPPER.readTree(json).path("type").asText(), json);
    }

    private static void send(OutputStream out, String event, String data) throws IOException {
        String name = event.isEmpty() ? "" : "event: " + event + "\n";
        out.write((name + "data: " + data + "\n\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
    }

    private void hang() {
        try {
            closed.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The text of a request's last message, whatever the provider's form. */
    public static String lastMessage(JsonNode request) {
        JsonNode messages = request.path("messages");
        try {
            return MAPPER.writeValueAsString(messages.path(messages.size() - 1));
        } catch (JsonProcessingException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        closed.countDown();
        server.stop(0);
        threads.shutdownNow();
    }
}
