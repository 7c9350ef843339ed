package io.athenic.e2b.server.envd;

import io.athenic.e2b.protocol.ConnectCode;
import io.athenic.e2b.protocol.ConnectError;
import io.athenic.e2b.protocol.Empty;
import io.athenic.e2b.protocol.JsonException;
import io.athenic.e2b.protocol.ProcessApi;
import io.athenic.e2b.protocol.ProcessEvent;
import io.athenic.e2b.server.envd.ConnectCall.Messages;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.Agent;
import io.athenic.engine.EngineException;
import io.athenic.engine.ErrorCode;
import io.athenic.engine.ProcessInfo;
import io.athenic.engine.ProcessSelector;
import io.athenic.engine.ProcessSpec;
import io.athenic.engine.ProcessStream;
import io.athenic.engine.Sandbox;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code process.Process}. */
final class ProcessRpc {
    private static final Logger LOG = LoggerFactory.getLogger(ProcessRpc.class);

    void handle(Exchange exchange, Sandbox sandbox, String method) throws IOException, InterruptedException {
        var call = new ConnectCall(exchange);
        var agent = sandbox.agent();
        switch (method) {
            case "Start" -> start(exchange, call, sandbox);
            case "Connect" -> connect(exchange, call, sandbox);
            case "StreamInput" -> streamInput(call, agent);
            case "List" ->
                call.unary(() -> {
                    call.request(Empty.class);
                    return new ProcessApi.ListResponse(
                            agent.list().stream().map(ProcessRpc::info).toList());
                });
            case "SendInput" ->
                call.unary(() -> {
                    var request = call.request(ProcessApi.SendInputRequest.class);
                    agent.input(selector(request.process()), bytes(request.input()));
                    return Empty.EMPTY;
                });
            case "CloseStdin" ->
                call.unary(() -> {
                    agent.closeStdin(selector(
                            call.request(ProcessApi.SelectRequest.class).process()));
                    return Empty.EMPTY;
                });
            case "SendSignal" ->
                call.unary(() -> {
                    var request = call.request(ProcessApi.SendSignalRequest.class);
                    var signal = request.signal();
                    if (signal == null) {
                        throw new HttpFailure(400, "signal is missing");
                    }
                    agent.signal(selector(request.process()), signal.number());
                    return Empty.EMPTY;
                });
            case "Update" ->
                call.unary(() -> {
                    var request = call.request(ProcessApi.UpdateRequest.class);
                    var pty = request.pty();
                    var size = pty == null ? null : pty.size();
                    if (size != null) {
                        agent.resize(selector(request.process()), size.cols(), size.rows());
                    }
                    return Empty.EMPTY;
                });
            default ->
                call.unary(() -> {
                    throw new HttpFailure(501, "process.Process has no method " + method);
                });
        }
    }

    private static void start(Exchange exchange, ConnectCall call, Sandbox sandbox)
            throws IOException, InterruptedException {
        serve(call, messages -> {
            var request = messages.single(ProcessApi.StartRequest.class);
            var timeout = call.timeout();
            var deadline = deadline(timeout); // before the agent's own, which begins with the process
            var stream = sandbox.agent().start(spec(exchange, request, timeout));
            pump(exchange, call, messages, stream, deadline, () -> kill(sandbox.agent(), stream.pid()));
        });
    }

    private static void connect(Exchange exchange, ConnectCall call, Sandbox sandbox)
            throws IOException, InterruptedException {
        serve(call, messages -> {
            var request = messages.single(ProcessApi.SelectRequest.class);
            var stream = sandbox.agent().connect(selector(request.process()));
            pump(exchange, call, messages, stream, deadline(call.timeout()), () -> {});
        });
    }

    /** In nanoTime. */
    private static Optional<Long> deadline(Optional<Duration> timeout) {
        return timeout.map(left -> System.nanoTime() + left.toNanos());
    }

    private interface Streaming {
        void run(Messages messages) throws IOException, InterruptedException;
    }

    private static void serve(ConnectCall call, Streaming body) throws IOException, InterruptedException {
        var messages = call.messages();
        if (messages == null) {
            return;
        }
        try {
            body.run(messages);
        } catch (EngineException e) {
            if (e.code() == ErrorCode.UNAVAILABLE) {
                throw e;
            }
            messages.end(ConnectCall.error(e));
        } catch (HttpFailure | JsonException e) {
            messages.end(ConnectCall.error(e));
        }
    }

    /**
     * Passes a process's events on. A client that goes away ends the stream and not the process. At the deadline the
     * stream ends with {@code deadline_exceeded}, whether or not the process's own end was seen by then: the SDKs tell
     * a timeout from a kill by it.
     */
    private static void pump(
            Exchange exchange,
            ConnectCall call,
            Messages messages,
            ProcessStream stream,
            Optional<Long> deadline,
            Runnable atDeadline)
            throws InterruptedException {
        var keepalive = call.keepalive();
        try (stream) {
            exchange.onClose(stream::close);
            while (true) {
                var left = deadline.map(at -> at - System.nanoTime()).orElse(Long.MAX_VALUE);
                if (left <= 0) {
                    atDeadline.run();
                    messages.end(new ConnectError(ConnectCode.DEADLINE_EXCEEDED, "the time of the call is over"));
                    return;
                }
                var idle = left < keepalive.toNanos() ? Duration.ofNanos(left) : keepalive;
                var event = stream.next(messages.patience(idle));
                if (event == null) {
                    if (!messages.flush() && idle.equals(keepalive)) {
                        messages.send(new ProcessEvent.Message(new ProcessEvent.KeepAlive()));
                        messages.flush();
                    }
                    continue;
                }
                if (event instanceof io.athenic.engine.ProcessEvent.Ended ended
                        && !ended.exited()
                        && deadline.isPresent()
                        && deadline.get() - System.nanoTime() <= 50_000_000) {
                    messages.end(new ConnectError(ConnectCode.DEADLINE_EXCEEDED, "the time of the call is over"));
                    return;
                }
                messages.send(new ProcessEvent.Message(wire(event)));
                if (event instanceof io.athenic.engine.ProcessEvent.Ended) {
                    messages.end(null);
                    return;
                }
            }
        }
    }

    private static void kill(Agent agent, int pid) {
        try {
            agent.killAll(ProcessSelector.pid(pid));
        } catch (EngineException e) {
            // Ended by itself, or by the agent's own clock, which has the same deadline: it is what ends a process,
            // too, in a sandbox that
            // is too busy to take this request. The caller is told of its deadline in any case.
            LOG.debug("Process {} at its deadline: {}", pid, e.getMessage());
        }
    }

    /** The client's messages are written to the process as they come. */
    private static void streamInput(ConnectCall call, Agent agent) throws IOException, InterruptedException {
        call.patientBody();
        serve(call, messages -> {
            ProcessSelector process = null;
            for (var message = messages.read(ProcessApi.StreamInputRequest.class);
                    message != null;
                    message = messages.read(ProcessApi.StreamInputRequest.class)) {
                var start = message.start();
                var data = message.data();
                if (start != null) {
                    process = selector(start.process());
                } else if (data != null) {
                    if (process == null) {
                        throw new HttpFailure(400, "the first message must be start");
                    }
                    agent.input(process, bytes(data.input()));
                }
            }
            messages.send(Empty.EMPTY);
            messages.end(null);
        });
    }

    private static ProcessSpec spec(Exchange exchange, ProcessApi.StartRequest request, Optional<Duration> timeout) {
        var process = request.process();
        if (process == null) {
            throw new HttpFailure(400, "process is missing");
        }
        var stdin = request.stdin();
        return new ProcessSpec(
                process.cmd(),
                process.args(),
                process.envs(),
                process.cwd(),
                EnvdAuth.basicUser(exchange),
                stdin == null || stdin,
                pty(request.pty()),
                request.tag(),
                timeout.orElse(Duration.ZERO));
    }

    private static ProcessSpec.@Nullable PtySize pty(ProcessApi.@Nullable Pty pty) {
        if (pty == null) {
            return null;
        }
        var size = pty.size();
        return size == null ? new ProcessSpec.PtySize(80, 24) : new ProcessSpec.PtySize(size.cols(), size.rows());
    }

    private static ProcessSelector selector(io.athenic.e2b.protocol.@Nullable ProcessSelector wire) {
        return switch (wire) {
            case io.athenic.e2b.protocol.ProcessSelector.Pid pid -> ProcessSelector.pid(pid.pid());
            case io.athenic.e2b.protocol.ProcessSelector.Tag tag -> ProcessSelector.tag(tag.tag());
            case null -> throw new HttpFailure(400, "process is missing: pid or tag");
        };
    }

    private static byte[] bytes(ProcessApi.@Nullable ProcessInput input) {
        var stdin = input == null ? null : input.stdin();
        var pty = input == null ? null : input.pty();
        if (stdin != null) {
            return stdin;
        }
        if (pty != null) {
            return pty;
        }
        throw new HttpFailure(400, "input is missing: stdin or pty");
    }

    private static ProcessApi.ProcessInfo info(ProcessInfo process) {
        return new ProcessApi.ProcessInfo(
                new ProcessApi.ProcessConfig(
                        process.cmd(),
                        process.args(),
                        process.env(),
                        process.cwd().orElse(null)),
                process.pid(),
                process.tag().orElse(null));
    }

    private static ProcessEvent wire(io.athenic.engine.ProcessEvent event) {
        return switch (event) {
            case io.athenic.engine.ProcessEvent.Started e -> new ProcessEvent.Started(e.pid());
            case io.athenic.engine.ProcessEvent.Stdout e -> new ProcessEvent.Stdout(e.bytes());
            case io.athenic.engine.ProcessEvent.Stderr e -> new ProcessEvent.Stderr(e.bytes());
            case io.athenic.engine.ProcessEvent.Pty e -> new ProcessEvent.Pty(e.bytes());
            case io.athenic.engine.ProcessEvent.Ended e ->
                new ProcessEvent.Ended(e.exitCode(), e.exited(), e.status(), e.error());
        };
    }
}
