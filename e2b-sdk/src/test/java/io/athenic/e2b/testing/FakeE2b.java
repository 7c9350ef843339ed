package io.athenic.e2b.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.ErrorBody;
import io.athenic.e2b.protocol.ForkResult;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.ListedSandbox;
import io.athenic.e2b.protocol.NewSandbox;
import io.athenic.e2b.protocol.SandboxDetail;
import io.athenic.e2b.protocol.SandboxInfo;
import io.athenic.e2b.protocol.SnapshotInfo;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * E2B on one port of the loopback, as one shared sandbox URL: control plane, envd (files in memory, a few commands) and a code
 * interpreter whose language is made of test steps ({@link FakeCode}). Real HTTP, real disconnects.
 */
public final class FakeE2b implements AutoCloseable {
    public static final String KEY = "e2b_00000000000000000000";

    private final Vertx vertx;
    private final HttpServer server;
    private final Map<String, FakeSandbox> sandboxes = new ConcurrentHashMap<>();
    private final Map<String, SnapshotInfo> snapshots = new ConcurrentHashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private final AtomicInteger ids = new AtomicInteger();
    private final AtomicReference<@Nullable ErrorBody> nextFailure = new AtomicReference<>();
    private volatile int pageSize = 100;

    private FakeE2b() {
        // One event loop: less to start for each test.
        vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
        server = vertx.createHttpServer(
                new HttpServerOptions().setHost("127.0.0.1").setPort(0));
        server.requestHandler(this::serve).listen().await();
    }

    public static FakeE2b start() {
        return new FakeE2b();
    }

    public String url() {
        return "http://127.0.0.1:" + server.actualPort();
    }

    /** Sandboxes that live. */
    public List<FakeSandbox> sandboxes() {
        return List.copyOf(sandboxes.values());
    }

    public FakeSandbox sandbox(String id) {
        FakeSandbox sandbox = sandboxes.get(id);
        if (sandbox == null) {
            throw new AssertionError("the fake has no sandbox " + id);
        }
        return sandbox;
    }

    /** Method and path of all requests so far. */
    public List<String> requests() {
        return List.copyOf(requests);
    }

    /** The next call of the control plane fails so. */
    public void failNext(int status, String message) {
        nextFailure.set(new ErrorBody(status, message));
    }

    public void setPageSize(int newSize) {
        pageSize = newSize;
    }

    /** The sandbox dies by itself: its connections are cut. */
    public void die(String sandboxId) {
        FakeSandbox sandbox = sandboxes.remove(sandboxId);
        if (sandbox != null) {
            sandbox.kill();
        }
    }

    @Override
    public void close() {
        for (FakeSandbox sandbox : sandboxes()) {
            die(sandbox.id());
        }
        vertx.close().await();
    }

    private void serve(HttpServerRequest request) {
        requests.add(request.method() + " " + request.path());
        request.exceptionHandler(e -> {});
        request.response().exceptionHandler(e -> {});
        String sandboxId = request.getHeader(E2b.HEADER_SANDBOX_ID);
        if (sandboxId == null) {
            request.body().onSuccess(body -> control(request, body));
            return;
        }
        FakeSandbox sandbox = sandboxes.get(sandboxId);
        if (sandbox == null) {
            ObjectNode body = Json.object();
            body.put("sandboxId", sandboxId)
                    .put("message", "The sandbox was not found")
                    .put("code", 502);
            answer(request, 502, Json.write(body));
            return;
        }
        if (!path(request).equals("/health") && !sandbox.token().equals(request.getHeader(E2b.HEADER_ACCESS_TOKEN))) {
            answer(request, 401, Json.write(new ErrorBody(401, "unauthorized access, wrong access token")));
            return;
        }
        sandbox.track(request);
        boolean code = String.valueOf(E2b.CODE_PORT).equals(request.getHeader(E2b.HEADER_SANDBOX_PORT));
        request.body().onSuccess(body -> {
            if (code) {
                sandbox.code().serve(request, body.getBytes());
            } else {
                sandbox.envd().serve(request, body.getBytes());
            }
        });
    }

    private void control(HttpServerRequest request, Buffer body) {
        ErrorBody failure = nextFailure.getAndSet(null);
        if (failure != null) {
            answer(request, failure.code(), Json.write(failure));
            return;
        }
        if (!KEY.equals(request.getHeader(E2b.HEADER_API_KEY))) {
            answer(request, 401, Json.write(new ErrorBody(401, "Invalid API key")));
            return;
        }
        String[] path = path(request).substring(1).split("/", -1);
        String route = request.method() + " " + path(request);
        if (route.equals("POST /sandboxes")) {
            create(request, Json.read(body.getBytes(), NewSandbox.class));
        } else if (route.equals("GET /v2/sandboxes")) {
            list(request);
        } else if (route.equals("GET /snapshots")) {
            answer(request, 200, Json.write(snapshots.values()));
        } else if (request.method().name().equals("DELETE") && path[0].equals("templates")) {
            boolean known = snapshots.remove(path[1]) != null;
            answer(request, known ? 204 : 404, known ? new byte[0] : Json.write(new ErrorBody(404, "no snapshot")));
        } else if (path.length >= 2 && path[0].equals("sandboxes")) {
            one(request, path[1], path.length > 2 ? path[2] : "", body);
        } else {
            answer(request, 404, Json.write(new ErrorBody(404, "no such path")));
        }
    }

    private void create(HttpServerRequest request, NewSandbox wanted) {
        String id = "i" + ids.incrementAndGet();
        var sandbox = new FakeSandbox(id, wanted, Instant.now());
        sandboxes.put(id, sandbox);
        answer(request, 201, Json.write(info(sandbox)));
    }

    private void list(HttpServerRequest request) {
        List<ListedSandbox> all = sandboxes().stream()
                .sorted((a, b) -> b.startedAt().compareTo(a.startedAt()))
                .map(FakeSandbox::listed)
                .toList();
        String token = request.getParam("nextToken");
        int from = token == null ? 0 : Integer.parseInt(token);
        int to = Math.min(all.size(), from + pageSize);
        if (to < all.size()) {
            request.response().putHeader(E2b.HEADER_NEXT_TOKEN, String.valueOf(to));
        }
        answer(request, 200, Json.write(all.subList(from, to)));
    }

    private void one(HttpServerRequest request, String id, String action, Buffer body) {
        FakeSandbox sandbox = sandboxes.get(id);
        if (sandbox == null) {
            answer(request, 404, Json.write(new ErrorBody(404, "sandbox " + id + " not found")));
            return;
        }
        JsonNode fields = body.length() == 0 ? Json.object() : Json.readObject(body.getBytes());
        switch (request.method() + " " + action) {
            case "DELETE " -> {
                die(id);
                answer(request, 204, new byte[0]);
            }
            case "GET " ->
                answer(
                        request,
                        200,
                        Json.write(SandboxDetail.of(
                                sandbox.listed(),
                                sandbox.token(),
                                null,
                                true,
                                Json.object(),
                                new SandboxDetail.Lifecycle("kill", false),
                                null)));
            case "POST connect" -> {
                sandbox.resume();
                sandbox.extend(fields.path("timeout").asInt());
                answer(request, 200, Json.write(info(sandbox)));
            }
            case "POST pause" -> {
                boolean first = sandbox.pause(fields.path("memory").asBoolean(true));
                answer(request, first ? 204 : 409, first ? new byte[0] : Json.write(new ErrorBody(409, "paused")));
            }
            case "POST snapshots" -> {
                String name = fields.path("name").asText("");
                var made = new SnapshotInfo(
                        "s" + ids.incrementAndGet(),
                        name.isEmpty() ? List.of() : List.of(name),
                        id,
                        null,
                        null,
                        null,
                        null);
                snapshots.put(made.snapshotId(), made);
                answer(request, 201, Json.write(made));
            }
            case "POST fork" -> {
                List<ForkResult> results = new ArrayList<>();
                for (int i = 1; i < fields.path("count").asInt(); i++) {
                    var copy = new FakeSandbox("i" + ids.incrementAndGet(), sandbox.wanted(), Instant.now());
                    sandboxes.put(copy.id(), copy);
                    results.add(new ForkResult(info(copy), null, null));
                }
                results.add(new ForkResult(null, new ErrorBody(429, "full"), null));
                answer(request, 201, Json.write(results));
            }
            case "POST timeout" -> {
                sandbox.setTimeout(fields.path("timeout").asInt());
                answer(request, 204, new byte[0]);
            }
            default -> answer(request, 404, Json.write(new ErrorBody(404, "no such path")));
        }
    }

    private static SandboxInfo info(FakeSandbox sandbox) {
        return new SandboxInfo(
                sandbox.id(), sandbox.template(), "fake", E2b.ENVD_VERSION, sandbox.token(), null, null, null);
    }

    static String path(HttpServerRequest request) {
        return Objects.requireNonNull(request.path());
    }

    static void answer(HttpServerRequest request, int status, byte[] body) {
        request.response()
                .setStatusCode(status)
                .putHeader("Content-Type", "application/json; charset=utf-8")
                .end(Buffer.buffer(body));
    }
}
