package io.athenic.execution;

import io.vertx.core.http.ServerWebSocket;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The WebSocket of docs/PROTOCOL.md, section 6, at any path: each client gets the events of its executions, and one connection per
 * client id. Origin and Host are checked before, by the server.
 */
public final class ExecutionSockets implements AutoCloseable {
    static final short POLICY_VIOLATION = 1008;
    static final short GOING_AWAY = 1001;
    static final short TRY_AGAIN_LATER = 1013;
    static final short TAKEN_OVER = 4409;

    private static final int MAX_CONNECTIONS = 1000;

    private final ExecutionService service;
    private final ConcurrentHashMap<String, ClientConnection> connections = new ConcurrentHashMap<>();
    private volatile boolean closed;

    public ExecutionSockets(ExecutionService service) {
        this.service = service;
    }

    /** Serves one connection; for {@code HttpServer.webSocketHandler}. Returns at once. */
    public void accept(ServerWebSocket socket) {
        Map<String, String> query = queryOf(socket.query());
        String clientId = query.getOrDefault("clientId", "");
        if (clientId.isEmpty()) {
            refuse(socket, POLICY_VIOLATION, "Client ID is required");
            return;
        }
        if (!ExecutionRequest.isClientId(clientId)) {
            refuse(socket, POLICY_VIOLATION, "Client ID is too long or has control characters");
            return;
        }
        Long after = parsed(query.getOrDefault("after", "0"));
        if (after == null) {
            refuse(socket, POLICY_VIOLATION, "after is not a whole number from 0");
            return;
        }
        if (closed || connections.size() >= MAX_CONNECTIONS) {
            refuse(socket, TRY_AGAIN_LATER, "Too many connections: try again later");
            return;
        }
        var connection = new ClientConnection(service, socket, clientId, query.get("executionId"), after);
        ClientConnection earlier = connections.put(clientId, connection);
        if (earlier != null) {
            earlier.close(TAKEN_OVER, "Another connection of this client took over");
        }
        connection.start(() -> connections.remove(clientId, connection));
    }

    /** How many clients are connected. */
    public int size() {
        return connections.size();
    }

    /** Closes all connections; later ones are refused. */
    @Override
    public void close() {
        closed = true;
        for (ClientConnection connection : List.copyOf(connections.values())) {
            connection.close(GOING_AWAY, "The service is shutting down");
        }
    }

    private static void refuse(ServerWebSocket socket, short code, String reason) {
        var ignored = socket.close(code, reason);
    }

    private static @Nullable Long parsed(String number) {
        boolean digits =
                !number.isEmpty() && number.length() <= 18 && number.chars().allMatch(c -> c >= '0' && c <= '9');
        return digits ? Long.valueOf(number) : null;
    }

    /** The first value of each key; a malformed part is as absent. */
    private static Map<String, String> queryOf(@Nullable String query) {
        Map<String, String> values = new HashMap<>();
        for (String part : query == null ? new String[0] : query.split("&", 20)) {
            int equals = part.indexOf('=');
            String key = equals < 0 ? part : part.substring(0, equals);
            String value = equals < 0 ? "" : part.substring(equals + 1);
            values.putIfAbsent(decoded(key), decoded(value));
        }
        return values;
    }

    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return "";
        }
    }
}
