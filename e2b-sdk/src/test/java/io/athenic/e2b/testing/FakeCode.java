package io.athenic.e2b.testing;

import io.athenic.e2b.protocol.CodeApi;
import io.athenic.e2b.protocol.CodeEvent;
import io.athenic.e2b.protocol.Json;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A code interpreter whose code is made of steps, one a line:
 *
 * <ul>
 *   <li>{@code print TEXT}, {@code write TEXT} (no line feed), {@code err TEXT}, {@code flood N} (N chunks of 64 KiB)
 *   <li>{@code result JSON}, {@code fail NAME VALUE}, {@code png N} (a result of N base64 characters), {@code raw TEXT} (a line as it is)
 *   <li>{@code set NAME VALUE}, {@code get NAME} (prints it, or fails)
 *   <li>{@code await NAME} (until {@link #release}), {@code sleep} (until interrupted), {@code lose} (the same, and the state is lost
 *       by it), {@code stubborn} (until the context is
 *       restarted), {@code immortal} (until the sandbox is killed), {@code cut} (the connection breaks)
 * </ul>
 */
public final class FakeCode {
    private final List<Context> contexts = new CopyOnWriteArrayList<>();
    private final Map<String, CountDownLatch> gates = new ConcurrentHashMap<>();
    private final AtomicInteger ids = new AtomicInteger();
    private final AtomicInteger interrupts = new AtomicInteger();
    private volatile boolean killed;
    private volatile boolean restartsRefused;

    private static final class Context {
        private final CodeApi.Context info;
        private final Map<String, String> variables = new ConcurrentHashMap<>();
        private final Semaphore turn = new Semaphore(1, true);
        private final AtomicInteger count = new AtomicInteger();
        private final AtomicInteger life = new AtomicInteger();
        private volatile @Nullable Thread running;

        Context(CodeApi.Context info) {
            this.info = info;
        }
    }

    FakeCode() {
        add("python", "/home/user");
        add("javascript", "/home/user");
    }

    /** Lets {@code await NAME} go on, now or later. */
    public void release(String name) {
        gate(name).countDown();
    }

    /** How many executions were interrupted by a client that went away. */
    public int interrupts() {
        return interrupts.get();
    }

    /** Restarting a context fails from now on. */
    public void refuseRestarts() {
        restartsRefused = true;
    }

    void kill() {
        killed = true;
        for (Context context : contexts) {
            Thread thread = context.running;
            if (thread != null) {
                thread.interrupt();
            }
        }
    }

    void serve(HttpServerRequest request, byte[] body) {
        String[] path = FakeE2b.path(request).substring(1).split("/", -1);
        switch (request.method() + " /" + path[0]
                + (path.length > 2 ? "/ID/" + path[2] : path.length > 1 ? "/ID" : "")) {
            case "GET /health" -> FakeE2b.answer(request, 200, Json.write("OK"));
            case "POST /execute" -> execute(request, Json.read(body, CodeApi.ExecuteRequest.class));
            case "GET /contexts" ->
                FakeE2b.answer(
                        request,
                        200,
                        Json.write(contexts.stream().map(c -> c.info).toList()));
            case "POST /contexts" -> {
                var wanted = Json.read(body, CodeApi.NewContext.class);
                Context made = add(
                        Objects.requireNonNullElse(wanted.language(), "python"),
                        Objects.requireNonNullElse(wanted.cwd(), "/home/user"));
                FakeE2b.answer(request, 200, Json.write(made.info));
            }
            case "POST /contexts/ID/restart" -> restart(request, path[1]);
            case "DELETE /contexts/ID" -> {
                boolean removed = contexts.removeIf(c -> c.info.id().equals(path[1]));
                FakeE2b.answer(
                        request,
                        removed ? 200 : 404,
                        removed ? "null".getBytes(StandardCharsets.UTF_8) : missing(path[1]));
            }
            default -> FakeE2b.answer(request, 404, missing(FakeE2b.path(request)));
        }
    }

    private void restart(HttpServerRequest request, String id) {
        if (restartsRefused) {
            FakeE2b.answer(request, 500, "cannot restart".getBytes(StandardCharsets.UTF_8));
            return;
        }
        for (Context context : contexts) {
            if (context.info.id().equals(id)) {
                context.life.incrementAndGet();
                context.variables.clear();
                Thread thread = context.running;
                if (thread != null) {
                    thread.interrupt();
                }
                FakeE2b.answer(request, 200, "null".getBytes(StandardCharsets.UTF_8));
                return;
            }
        }
        FakeE2b.answer(request, 404, missing(id));
    }

    private void execute(HttpServerRequest request, CodeApi.ExecuteRequest wanted) {
        Context context = find(wanted);
        if (context == null) {
            FakeE2b.answer(request, 404, missing(String.valueOf(wanted.contextId())));
            return;
        }
        HttpServerResponse response = request.response().setChunked(true);
        var run = new Run(context, request, Objects.requireNonNullElse(wanted.code(), ""));
        Thread thread = Thread.ofVirtual().name("fake-execution").unstarted(run);
        response.closeHandler(v -> run.clientGone(thread));
        thread.start();
    }

    private @Nullable Context find(CodeApi.ExecuteRequest wanted) {
        String language = Objects.requireNonNullElse(wanted.language(), "python");
        for (Context context : contexts) {
            boolean fits = wanted.contextId() == null
                    ? context.info.language().equals(language)
                    : context.info.id().equals(wanted.contextId());
            if (fits) {
                return context;
            }
        }
        return wanted.contextId() == null ? add(language, "/home/user") : null;
    }

    private Context add(String language, String cwd) {
        var context = new Context(new CodeApi.Context("c" + ids.incrementAndGet(), language, cwd));
        contexts.add(context);
        return context;
    }

    private CountDownLatch gate(String name) {
        return gates.computeIfAbsent(name, n -> new CountDownLatch(1));
    }

    private static byte[] missing(String id) {
        return ("Context " + id + " not found").getBytes(StandardCharsets.UTF_8);
    }

    private final class Run implements Runnable {
        private final Context context;
        private final HttpConnection connection;
        private final HttpServerResponse response;
        private final String code;
        private volatile boolean gone;
        private volatile boolean ended;

        Run(Context context, HttpServerRequest request, String code) {
            this.context = context;
            this.connection = request.connection();
            this.response = request.response();
            this.code = code;
        }

        void clientGone(Thread thread) {
            if (!ended) {
                gone = true;
                interrupts.incrementAndGet();
                thread.interrupt();
            }
        }

        @Override
        public void run() {
            boolean turn = false;
            try {
                context.turn.acquire();
                turn = true;
                context.running = Thread.currentThread();
                send(new CodeEvent.Accepted(context.count.incrementAndGet()));
                for (String line : code.split("\n", -1)) {
                    if (!line.isBlank()) {
                        step(line.strip());
                    }
                }
                ended = true; // before it is sent: who has it may close at once, which is no interrupt
                send(new CodeEvent.Ended());
                response.end();
            } catch (InterruptedException e) {
                ended = true;
                if (!gone && !killed) {
                    response.write(Buffer.buffer(
                            new CodeEvent.Failed("ContextRestarting", "the context was restarted", "").line()));
                    response.end(Buffer.buffer(new CodeEvent.Ended().line()));
                }
            } finally {
                if (turn) {
                    context.running = null;
                    context.turn.release();
                }
            }
        }

        private void step(String line) throws InterruptedException {
            String[] parts = line.split(" ", 2);
            String rest = parts.length > 1 ? parts[1] : "";
            switch (parts[0]) {
                case "print" -> send(new CodeEvent.Stdout(rest + "\n", Instant.now()));
                case "write" -> send(new CodeEvent.Stdout(rest, Instant.now()));
                case "err" -> send(new CodeEvent.Stderr(rest + "\n", Instant.now()));
                case "flood" -> {
                    String chunk = "x".repeat((64 << 10) - 1) + "\n";
                    for (int i = 0; i < Integer.parseInt(rest); i++) {
                        send(new CodeEvent.Stdout(chunk, null));
                    }
                }
                case "result" ->
                    send(new CodeEvent.Result(true, Json.readObject(rest.getBytes(StandardCharsets.UTF_8))));
                case "png" ->
                    send(new CodeEvent.Result(false, Json.object().put("png", "A".repeat(Integer.parseInt(rest)))));
                case "raw" -> await(Buffer.buffer(rest + "\n"));
                case "fail" -> {
                    String[] failure = rest.split(" ", 2);
                    send(new CodeEvent.Failed(failure[0], failure[1], "Traceback\n" + rest));
                }
                case "set" -> context.variables.put(rest.split(" ", 2)[0], rest.split(" ", 2)[1]);
                case "get" -> {
                    String value = context.variables.get(rest);
                    send(
                            value == null
                                    ? new CodeEvent.Failed(
                                            "NameError", "name '" + rest + "' is not defined", "Traceback")
                                    : new CodeEvent.Stdout(value + "\n", Instant.now()));
                }
                case "await" -> gate(rest).await();
                case "sleep" -> new CountDownLatch(1).await();
                case "lose" -> {
                    try {
                        new CountDownLatch(1).await();
                    } finally {
                        context.variables.clear();
                        context.count.set(0);
                    }
                }
                case "stubborn" -> resist(false);
                case "immortal" -> resist(true);
                case "cut" -> {
                    ended = true;
                    gone = true;
                    connection.close();
                    throw new InterruptedException();
                }
                default -> send(new CodeEvent.Failed("SyntaxError", "no such step: " + line, "Traceback"));
            }
        }

        private void resist(boolean toRestarts) throws InterruptedException {
            int ignored = 0;
            int life = context.life.get();
            while (!killed && (toRestarts || life == context.life.get())) {
                try {
                    new CountDownLatch(1).await();
                } catch (InterruptedException e) {
                    ignored++; // this is the point: it goes on
                }
            }
            throw new InterruptedException("after " + ignored + " ignored interrupts");
        }

        private void send(CodeEvent event) throws InterruptedException {
            await(Buffer.buffer(event.line()));
        }

        /** Waits for the socket: a client that does not read slows us. */
        private void await(Buffer bytes) throws InterruptedException {
            try {
                Object ignored = response.write(bytes)
                        .toCompletionStage()
                        .toCompletableFuture()
                        .get();
            } catch (java.util.concurrent.ExecutionException e) {
                throw new InterruptedException();
            }
        }
    }
}
