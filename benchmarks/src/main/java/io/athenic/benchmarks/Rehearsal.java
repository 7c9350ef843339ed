package io.athenic.benchmarks;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

/**
 * The client against a stand-in that answers what the server would, until the JVM has compiled the client. Its compilers would otherwise
 * take the two cores from the server while that is measured; the server itself learns nothing here.
 */
final class Rehearsal {
    private static final int ROUNDS = 3000;
    private static final String CREATED = """
            {"sandboxID":"iabcdefghijklmnopqrstuvwx","templateID":"code-interpreter-v1","clientID":"local","envdVersion":"0.4.0",\
            "envdAccessToken":"abcdefghijklmnopqrstuvwxyz012345"}""";
    private static final String CELL = """
            {"type":"number_of_executions","execution_count":1}
            {"type":"result","is_main_result":true,"text":"2","extra":{}}
            {"type":"end_of_execution"}
            """;

    private Rehearsal() {}

    static void hold() throws IOException {
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            HttpServer standIn = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            standIn.createContext("/sandboxes", exchange -> {
                boolean create = exchange.getRequestMethod().equals("POST");
                answer(exchange, create ? 201 : 204, create ? CREATED : "");
            });
            standIn.createContext("/execute", exchange -> answer(exchange, 200, CELL));
            standIn.setExecutor(threads);
            standIn.start();
            try {
                var sandboxes = new SandboxApi(standIn.getAddress().getPort(), "key");
                for (int i = 0; i < ROUNDS; i++) {
                    var sandbox = sandboxes.create();
                    Latency.check(sandboxes.run(sandbox, "1+1").result().equals("2"), "the stand-in answers wrongly");
                    sandboxes.kill(sandbox);
                }
            } finally {
                standIn.stop(0);
            }
        }
    }

    private static void answer(HttpExchange exchange, int status, String text) {
        try (exchange) {
            var _ = exchange.getRequestBody().readAllBytes();
            exchange.sendResponseHeaders(status, text.isEmpty() ? -1 : 0);
            if (!text.isEmpty()) {
                exchange.getResponseBody().write(text.getBytes(StandardCharsets.UTF_8));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
