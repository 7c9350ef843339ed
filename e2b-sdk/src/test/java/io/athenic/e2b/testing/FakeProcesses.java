package io.athenic.e2b.testing;

import io.athenic.e2b.protocol.ConnectCode;
import io.athenic.e2b.protocol.ConnectFrame;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Empty;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.ProcessApi;
import io.athenic.e2b.protocol.ProcessEvent;
import io.athenic.e2b.protocol.ProcessSelector;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Processes that are made of steps, separated by {@code ;}: {@code echo TEXT}, {@code err TEXT}, {@code split} (a character in two
 * chunks), {@code exit N}, {@code cat} (stdin to stdout, until its end), {@code sleep} (until killed or its deadline).
 */
final class FakeProcesses {
    private static final String END_OF_INPUT = "\0end";

    private final Map<Integer, Running> processes = new ConcurrentHashMap<>();
    private final AtomicInteger pids = new AtomicInteger(100);

    private static final class Running {
        private final ProcessApi.ProcessConfig config;
        private final List<HttpServerResponse> listeners = new CopyOnWriteArrayList<>();
        private final BlockingQueue<String> input = new LinkedBlockingQueue<>();
        private volatile @Nullable Thread thread;

        Running(ProcessApi.ProcessConfig config) {
            this.config = config;
        }

        void send(ProcessEvent event) {
            byte[] frame = ConnectFrame.message(Json.write(new ProcessEvent.Message(event)));
            listeners.forEach(listener -> listener.write(Buffer.buffer(frame)));
        }
    }

    void kill() {
        processes.values().forEach(FakeProcesses::interrupt);
    }

    void serve(HttpServerRequest request, String method, byte[] body) {
        switch (method) {
            case "Start" -> start(request, Json.read(FakeEnvd.message(body), ProcessApi.StartRequest.class));
            case "Connect" -> {
                var selector = Json.read(FakeEnvd.message(body), ProcessApi.SelectRequest.class)
                        .process();
                Running process = find(selector);
                HttpServerResponse response = stream(request);
                if (process == null) {
                    var error = new io.athenic.e2b.protocol.ConnectError(ConnectCode.NOT_FOUND, "no such process");
                    response.end(Buffer.buffer(ConnectFrame.end(error)));
                    return;
                }
                response.write(Buffer.buffer(ConnectFrame.message(
                        Json.write(new ProcessEvent.Message(new ProcessEvent.Started(pid(selector)))))));
                process.listeners.add(response);
            }
            case "List" ->
                FakeE2b.answer(
                        request,
                        200,
                        Json.write(new ProcessApi.ListResponse(processes.entrySet().stream()
                                .map(e -> new ProcessApi.ProcessInfo(e.getValue().config, e.getKey(), null))
                                .toList())));
            case "SendInput" -> {
                var input = Json.read(body, ProcessApi.SendInputRequest.class);
                byte[] bytes = Objects.requireNonNull(
                        Objects.requireNonNull(input.input()).stdin());
                act(request, input.process(), p -> p.input.add(new String(bytes, StandardCharsets.UTF_8)));
            }
            case "CloseStdin" ->
                act(request, Json.read(body, ProcessApi.SelectRequest.class).process(), p -> p.input.add(END_OF_INPUT));
            case "SendSignal" ->
                act(request, Json.read(body, ProcessApi.SendSignalRequest.class).process(), FakeProcesses::interrupt);
            default -> FakeEnvd.fail(request, ConnectCode.UNIMPLEMENTED, method);
        }
    }

    private void start(HttpServerRequest request, ProcessApi.StartRequest wanted) {
        var config = Objects.requireNonNull(wanted.process());
        var process = new Running(config);
        int pid = pids.incrementAndGet();
        processes.put(pid, process);
        process.listeners.add(stream(request));
        String timeout = request.getHeader(E2b.HEADER_CONNECT_TIMEOUT);
        long millis = timeout == null ? Long.MAX_VALUE : Long.parseLong(timeout);
        process.thread = Thread.ofVirtual().name("fake-process").start(() -> {
            process.send(new ProcessEvent.Started(pid));
            ProcessEvent end = run(process, config.args().get(config.args().size() - 1), millis);
            processes.remove(pid);
            process.send(end);
            process.listeners.forEach(listener -> listener.end(Buffer.buffer(ConnectFrame.end(null))));
        });
    }

    private static ProcessEvent run(Running process, String script, long millis) {
        try {
            for (String step : script.split(";", -1)) {
                String[] parts = step.strip().split(" ", 2);
                String rest = parts.length > 1 ? parts[1] : "";
                switch (parts[0]) {
                    case "echo" -> process.send(new ProcessEvent.Stdout(utf8(rest + "\n")));
                    case "err" -> process.send(new ProcessEvent.Stderr(utf8(rest + "\n")));
                    case "split" -> {
                        process.send(new ProcessEvent.Stdout(new byte[] {(byte) 0xc3}));
                        process.send(new ProcessEvent.Stdout(new byte[] {(byte) 0xa4}));
                    }
                    case "cat" -> {
                        for (String in = process.input.take(); !in.equals(END_OF_INPUT); in = process.input.take()) {
                            process.send(new ProcessEvent.Stdout(utf8(in)));
                        }
                    }
                    case "sleep" -> {
                        String ignored = process.input.poll(millis, TimeUnit.MILLISECONDS);
                        throw new InterruptedException();
                    }
                    case "exit" -> {
                        int code = Integer.parseInt(rest);
                        String status = "exit status " + code;
                        return new ProcessEvent.Ended(code, true, status, code == 0 ? null : status);
                    }
                    default -> {
                        return new ProcessEvent.Ended(127, true, "exit status 127", "exit status 127");
                    }
                }
            }
            return new ProcessEvent.Ended(0, true, "exit status 0", null);
        } catch (InterruptedException e) {
            return new ProcessEvent.Ended(-1, false, "signal: killed", "signal: killed");
        }
    }

    private void act(
            HttpServerRequest request,
            @Nullable ProcessSelector selector,
            java.util.function.Consumer<Running> action) {
        Running process = find(selector);
        if (process == null) {
            FakeEnvd.fail(request, ConnectCode.NOT_FOUND, "no such process");
            return;
        }
        action.accept(process);
        FakeE2b.answer(request, 200, Json.write(Empty.EMPTY));
    }

    private @Nullable Running find(@Nullable ProcessSelector selector) {
        return selector == null ? null : processes.get(pid(selector));
    }

    private static int pid(@Nullable ProcessSelector selector) {
        return selector instanceof ProcessSelector.Pid pid ? pid.pid() : -1;
    }

    private static HttpServerResponse stream(HttpServerRequest request) {
        return request.response().setChunked(true).putHeader("Content-Type", E2b.CONNECT_JSON);
    }

    private static void interrupt(Running process) {
        Thread thread = process.thread;
        if (thread != null) {
            thread.interrupt();
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
