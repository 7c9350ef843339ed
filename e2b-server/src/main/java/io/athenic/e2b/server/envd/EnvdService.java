package io.athenic.e2b.server.envd;

import io.athenic.e2b.protocol.FilesystemApi;
import io.athenic.e2b.protocol.FilesystemApi.ComposeRequest;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.ProcessApi;
import io.athenic.e2b.protocol.Signatures.Operation;
import io.athenic.e2b.server.http.Cors;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.Failures;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.EngineException;
import io.athenic.engine.Sandbox;
import java.io.IOException;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Port 49983 of every sandbox. */
public final class EnvdService implements AutoCloseable {
    private static final int MAX_BODY = 1 << 20;

    /** envd's own control routes; they never pass E2B's proxy either. */
    private static final Set<String> INTERNAL =
            Set.of("/init", "/freeze", "/unfreeze", "/collapse", "/fsfreeze", "/fsthaw");

    private final EnvdAuth auth;
    private final FileDownloads downloads = new FileDownloads();
    private final FileUploads uploads;
    private final FilesystemRpc filesystem;
    private final ProcessRpc processes = new ProcessRpc();
    private final InstantSource clock;

    public EnvdService(InstantSource clock, long maxUploadBytes) {
        this.clock = clock;
        this.auth = new EnvdAuth(clock);
        this.uploads = new FileUploads(maxUploadBytes);
        this.filesystem = new FilesystemRpc();
    }

    /** Whether a signed file URL that names no sandbox belongs to this one. */
    public static boolean signedBy(Exchange exchange, Sandbox sandbox) {
        return EnvdAuth.signedBy(exchange, sandbox);
    }

    /** Whether the request must not even look for its sandbox: a preflight (answered here) or an internal route. */
    public static boolean beforeLookup(Exchange exchange) {
        if (Cors.handle(exchange)) {
            return true;
        }
        if (INTERNAL.contains(exchange.path())) {
            throw new HttpFailure(403, "this route of envd is internal");
        }
        return false;
    }

    public void handle(Exchange exchange, Sandbox sandbox) throws IOException, InterruptedException {
        var path = exchange.path();
        if (path.startsWith(ProcessApi.SERVICE) || path.startsWith(FilesystemApi.SERVICE)) {
            auth.checkToken(exchange, sandbox);
            var method = path.substring(path.lastIndexOf('/') + 1);
            if (path.startsWith(ProcessApi.SERVICE)) {
                processes.handle(exchange, sandbox, method);
            } else {
                filesystem.handle(exchange, sandbox, method);
            }
            return;
        }
        try {
            route(exchange, sandbox, exchange.method() + " " + path);
        } catch (EngineException e) {
            throw new HttpFailure(Failures.httpStatus(e.code()), e.getMessage() == null ? "" : e.getMessage());
        }
    }

    private void route(Exchange exchange, Sandbox sandbox, String route) throws IOException {
        switch (route) {
            case "GET /health", "HEAD /health" -> exchange.respondEmpty(204);
            case "GET /files", "HEAD /files" -> {
                auth.checkFile(exchange, sandbox, Operation.READ);
                downloads.handle(exchange, sandbox);
            }
            case "POST /files" -> {
                auth.checkFile(exchange, sandbox, Operation.WRITE);
                uploads.handle(exchange, sandbox);
            }
            case "POST /files/compose" -> {
                auth.checkToken(exchange, sandbox);
                compose(exchange, sandbox);
            }
            case "GET /envs" -> {
                auth.checkToken(exchange, sandbox);
                exchange.set("Cache-Control", "no-store").respondJson(200, sandbox.env());
            }
            case "GET /metrics" -> {
                auth.checkToken(exchange, sandbox);
                metrics(exchange, sandbox);
            }
            default -> throw new HttpFailure(404, "no such route: " + route);
        }
    }

    private static void compose(Exchange exchange, Sandbox sandbox) throws IOException {
        var request = Json.request(exchange.jsonBody(MAX_BODY), ComposeRequest.class);
        var sources = request.source_paths();
        var destination = request.destination();
        if (sources == null || sources.isEmpty() || destination == null || destination.isEmpty()) {
            throw new HttpFailure(400, "source_paths and destination are needed");
        }
        var entry = sandbox.agent().compose(sources, destination, request.username());
        exchange.respondJson(200, Entries.written(entry));
    }

    private void metrics(Exchange exchange, Sandbox sandbox) {
        var use = sandbox.use();
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("ts", clock.instant().getEpochSecond());
        values.put("cpu_count", Math.max(1, (sandbox.limits().cpuMillis() + 999) / 1000));
        values.put("mem_total", use.memoryLimitBytes());
        values.put("mem_used", use.memoryBytes());
        values.put("mem_total_mib", use.memoryLimitBytes() >> 20);
        values.put("mem_used_mib", use.memoryBytes() >> 20);
        values.put("disk_used", use.diskUsedBytes());
        values.put("disk_total", use.diskTotalBytes());
        exchange.respondJson(200, values);
    }

    @Override
    public void close() {
        filesystem.close();
    }
}
