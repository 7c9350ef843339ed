package io.athenic.e2b.server.http;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import java.time.Duration;
import java.util.Comparator;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Where the connections of one HTTP server come in: how many there may be, how slowly one may send, and what is taken for a request at all. At the bound the
 * connection that has had nothing under way for longest makes room; when all are in use, the new one is told so (503) and closed.
 */
public final class Door implements AutoCloseable {
    /** Nobody who has just come is sent away for another. */
    private static final long SETTLED_NANOS = Duration.ofSeconds(2).toNanos();

    /**
     * What a connection may take.
     *
     * @param connections open at once
     * @param lineBytes of a request's first line
     * @param headBytes of a request's head
     * @param head in which a request's head must be whole, from its first byte (a new connection's first one: from its opening)
     * @param idle without a request
     * @param bodyGrace how long a body may be waited for, besides the time that its bytes earn
     * @param bodyBytesPerSecond each so many bytes of a body earn a second
     */
    public record Bounds(
            int connections,
            int lineBytes,
            int headBytes,
            Duration head,
            Duration idle,
            Duration bodyGrace,
            int bodyBytesPerSecond) {
        public Bounds {
            if (connections < 1 || lineBytes < 256 || headBytes < lineBytes || bodyBytesPerSecond < 1) {
                throw new IllegalArgumentException("bounds of connections are too small");
            }
        }

        /** 15 s for a head, 640 s between requests (E2B's own value, longer than any client's keepalive), 30 s and 1 s for each KiB of a body. */
        public static Bounds of(int connections, int lineBytes, int headBytes) {
            return new Bounds(
                    connections,
                    lineBytes,
                    headBytes,
                    Duration.ofSeconds(15),
                    Duration.ofSeconds(640),
                    Duration.ofSeconds(30),
                    1024);
        }
    }

    /** The body of a refusal, in the terms of the server's API. */
    public interface Refusals {
        String body(int status, String text);
    }

    private final Vertx vertx;
    private final Bounds bounds;
    private final Refusals refusals;
    private final long clock;
    private final Set<ConnectionGuard> guards = ConcurrentHashMap.newKeySet();

    public Door(Vertx vertx, Bounds bounds, Refusals refusals) {
        this.vertx = vertx;
        this.bounds = bounds;
        this.refusals = refusals;
        this.clock = vertx.setPeriodic(1000, nothing -> guards.forEach(ConnectionGuard::look));
    }

    /** For {@code HttpServer.connectionHandler}. */
    public void admit(HttpConnection connection) {
        var guard = ConnectionGuard.install(connection, bounds, refusals);
        if (guards.size() >= bounds.connections() && !makeRoom()) {
            guard.full();
            return;
        }
        guards.add(guard);
        guard.onClose(() -> guards.remove(guard));
    }

    private boolean makeRoom() {
        var longest = guards.stream()
                .filter(each -> each.waitingNanos() > SETTLED_NANOS)
                .max(Comparator.comparingLong(ConnectionGuard::waitingNanos));
        longest.ifPresent(each -> {
            guards.remove(each); // at once: the next that comes must find another
            each.makeRoom();
        });
        return longest.isPresent();
    }

    /** How many connections are open. */
    public int size() {
        return guards.size();
    }

    @Override
    public void close() {
        vertx.cancelTimer(clock);
    }
}
