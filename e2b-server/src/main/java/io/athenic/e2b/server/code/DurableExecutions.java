package io.athenic.e2b.server.code;

import io.athenic.e2b.protocol.CodeApi.Acknowledgement;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.CodeContext;
import io.athenic.engine.CodeStream;
import io.athenic.engine.EngineException;
import io.athenic.engine.ErrorCode;
import io.athenic.engine.Sandbox;
import java.io.IOException;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * Executions that outlive their connections, which is ours and not E2B's: a client names one when it begins, can attach to it again,
 * says how much of its stream is safe, and interrupts it by a request of its own (docs/PROTOCOL.md, section 5).
 */
final class DurableExecutions {
    private static final Pattern ID = Pattern.compile("[A-Za-z0-9-]{1,64}");
    private static final int MAX_BODY = 1 << 10;

    private record Key(String sandbox, String execution) {}

    /** Those that a client of this server follows now. */
    private final Map<Key, CodeStream> followed = new ConcurrentHashMap<>();

    private final InstantSource clock;

    DurableExecutions(InstantSource clock) {
        this.clock = clock;
    }

    /** @throws HttpFailure 400 */
    static String checkId(String id) {
        if (!ID.matcher(id).matches()) {
            throw new HttpFailure(400, "an execution's id has 1 to 64 letters, digits and hyphens");
        }
        return id;
    }

    void follow(Exchange exchange, Sandbox sandbox, String id, CodeStream stream) throws InterruptedException {
        var key = new Key(sandbox.id(), id);
        var earlier = followed.put(key, stream);
        if (earlier != null) {
            earlier.leave(); // its client is gone, or has come a second time
        }
        try {
            Execution.run(exchange, stream, clock, true);
        } finally {
            followed.remove(key, stream);
        }
    }

    /** {@code GET /executions/ID?after=N&language=L}. */
    void attach(Exchange exchange, Sandbox sandbox, CodeContext context, String id) throws InterruptedException {
        follow(exchange, sandbox, id, context.attach(checkId(id), after(exchange)));
    }

    private static long after(Exchange exchange) {
        var given = exchange.query("after").orElse("0");
        if (!given.matches("[0-9]{1,18}")) {
            throw new HttpFailure(400, "after must be a whole number of at most 18 digits");
        }
        return Long.parseLong(given);
    }

    void acknowledge(Exchange exchange, Sandbox sandbox, String id) throws IOException {
        var position =
                Json.request(exchange.jsonBody(MAX_BODY), Acknowledgement.class).position();
        if (position < 0) {
            throw new HttpFailure(400, "position is negative");
        }
        var stream = followed.get(new Key(sandbox.id(), checkId(id)));
        if (stream == null) {
            acknowledgeEnded(sandbox, id, position);
        } else {
            stream.acknowledge(position);
        }
        exchange.respondEmpty(204);
    }

    /** Its stream is over, and with it which context it was in. */
    private static void acknowledgeEnded(Sandbox sandbox, String id, long position) {
        for (var context : sandbox.contexts()) {
            try {
                context.acknowledge(id, position);
                return;
            } catch (EngineException e) {
                if (e.code() != ErrorCode.NOT_FOUND) {
                    throw e;
                }
            }
        }
    }

    void interrupt(Exchange exchange, Sandbox sandbox, String id) {
        var stream = followed.get(new Key(sandbox.id(), checkId(id)));
        if (stream == null) {
            throw new HttpFailure(404, "Execution " + id + " is not followed: attach to it first");
        }
        stream.interrupt();
        exchange.respondEmpty(204);
    }
}
