package io.athenic.e2b;

import com.fasterxml.jackson.core.type.TypeReference;
import io.athenic.e2b.protocol.CodeApi;
import io.athenic.e2b.protocol.CodeApi.Context;
import io.athenic.e2b.protocol.CodeEvent;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Runs code in contexts, which keep their state between executions. One execution at a time runs in a context. */
public final class CodeInterpreter {
    /** What {@link #runCode} keeps of the output; a stream has no such bound. */
    private static final long MAX_KEPT_CHARS = 64L << 20;

    private final SandboxLink link;
    private final Duration requestTimeout;

    CodeInterpreter(SandboxLink link, Duration requestTimeout) {
        this.link = link;
        this.requestTimeout = requestTimeout;
    }

    /** The same, with another bound for the calls that manage contexts. */
    public CodeInterpreter withRequestTimeout(Duration newTimeout) {
        return new CodeInterpreter(link, newTimeout);
    }

    /**
     * Starts code and gives its events. Close it: also in the middle, that interrupts the code.
     *
     * @throws NotFoundException the context does not exist
     * @throws SandboxNotFoundException the sandbox does not run
     */
    public CodeExecution execute(ExecuteOptions options) {
        var body = new CodeApi.ExecuteRequest(
                options.code(),
                options.contextId(),
                options.language(),
                options.env().isEmpty() ? null : options.env());
        String id = options.executionId();
        HttpRequest.Builder request = builder("/execute", body);
        if (id != null) {
            request.header(E2b.HEADER_EXECUTION_ID, id);
        }
        return follow(request.build(), options.startTimeout(), id);
    }

    /**
     * Follows a durable execution again, behind what was received of it.
     *
     * @param language that of its context
     * @param after the position up to which its stream is known; 0: nothing
     * @throws NotFoundException the server does not know the execution any more, or cannot do this
     */
    public CodeExecution attach(String executionId, String language, long after, Duration startTimeout) {
        String path = execution(executionId) + "?after=" + after + "&language=" + encoded(language);
        return follow(link.request(E2b.CODE_PORT, path).GET().build(), startTimeout, executionId);
    }

    /** Tells the server that the stream of a durable execution is kept safely up to a position: it forgets that much. */
    public void acknowledge(String executionId, long position) {
        byte[] ignored = call(post(execution(executionId) + "/ack", new CodeApi.Acknowledgement(position)));
    }

    /** Interrupts a durable execution, as closing its stream does for any other. */
    void interrupt(String executionId) {
        byte[] ignored = call(link.request(E2b.CODE_PORT, execution(executionId) + "/interrupt")
                .POST(BodyPublishers.noBody())
                .build());
    }

    private CodeExecution follow(HttpRequest request, Duration startTimeout, @Nullable String executionId) {
        HttpResponse<InputStream> response = link.open(request, startTimeout);
        if (response.statusCode() / 100 != 2) {
            throw Failures.ofCode(link.id(), response.statusCode(), start(response.body()));
        }
        @Nullable Runnable interrupt = executionId == null ? null : () -> interrupt(executionId);
        return new CodeExecution(link, response.body(), interrupt);
    }

    private static String execution(String id) {
        return "/executions/" + encoded(id);
    }

    /** Runs Python in the default context, 60 s at most. */
    public Execution runCode(String code) {
        return runCode(ExecuteOptions.of(code), Duration.ofMinutes(1), new CodeListener() {});
    }

    /**
     * Runs code and waits for its end.
     *
     * @param timeout after which it is interrupted; zero: never
     * @throws TimeoutException it was interrupted
     * @throws SandboxException its output is larger than 64 Mi characters: use {@link #execute}
     */
    public Execution runCode(ExecuteOptions options, Duration timeout, CodeListener listener) {
        var timedOut = new AtomicBoolean();
        CodeExecution events = execute(options);
        Watchdog deadline = Watchdog.after(timeout, () -> {
            timedOut.set(true);
            events.close();
        });
        try {
            Execution execution = collect(events, listener);
            if (timedOut.get() && !events.isComplete()) {
                throw new TimeoutException("the code did not end within " + timeout.toMillis() + " ms");
            }
            return execution;
        } finally {
            deadline.close();
            events.close();
        }
    }

    public Context createContext(@Nullable String language, @Nullable String cwd) {
        return Json.read(call(post("/contexts", new CodeApi.NewContext(language, cwd))), Context.class);
    }

    /** In order of creation, the default ones first. */
    public List<Context> listContexts() {
        byte[] answer = call(link.request(E2b.CODE_PORT, "/contexts").GET().build());
        return Json.read(answer, new TypeReference<List<Context>>() {});
    }

    /** Its state is lost, its id stays; what runs in it fails. */
    public void restartContext(String contextId) {
        byte[] ignored = call(link.request(E2b.CODE_PORT, path(contextId) + "/restart")
                .POST(BodyPublishers.noBody())
                .build());
    }

    public void removeContext(String contextId) {
        byte[] ignored =
                call(link.request(E2b.CODE_PORT, path(contextId)).DELETE().build());
    }

    private static Execution collect(CodeExecution events, CodeListener listener) {
        List<CodeEvent.Result> results = new ArrayList<>();
        List<String> stdout = new ArrayList<>();
        List<String> stderr = new ArrayList<>();
        CodeEvent.Failed failure = null;
        int count = 0;
        long kept = 0;
        while (events.hasNext()) {
            switch (events.next()) {
                case CodeEvent.Accepted accepted -> count = accepted.executionCount();
                case CodeEvent.Stdout out -> {
                    listener.onStdout(out.text());
                    stdout.add(out.text());
                    kept = checkKept(kept + out.text().length());
                }
                case CodeEvent.Stderr err -> {
                    listener.onStderr(err.text());
                    stderr.add(err.text());
                    kept = checkKept(kept + err.text().length());
                }
                case CodeEvent.Result result -> {
                    listener.onResult(result);
                    results.add(result);
                }
                case CodeEvent.Failed failed -> {
                    listener.onError(failed);
                    failure = failed;
                }
                case CodeEvent.KeepAlive ignored -> {}
                case CodeEvent.Unknown ignored -> {}
                case CodeEvent.Ended ignored -> {}
            }
        }
        return new Execution(results, new Execution.Logs(stdout, stderr), failure, count);
    }

    private static long checkKept(long kept) {
        if (kept > MAX_KEPT_CHARS) {
            throw new SandboxException(
                    "the output is larger than " + MAX_KEPT_CHARS + " characters: read it as a stream by execute()");
        }
        return kept;
    }

    private HttpRequest post(String path, Object body) {
        return builder(path, body).build();
    }

    private HttpRequest.Builder builder(String path, Object body) {
        return link.request(E2b.CODE_PORT, path)
                .header("Content-Type", E2b.JSON)
                .POST(BodyPublishers.ofByteArray(Json.write(body)));
    }

    private byte[] call(HttpRequest request) {
        Http.Answer answer = link.send(request, requestTimeout);
        if (answer.status() / 100 != 2) {
            throw Failures.ofCode(link.id(), answer.status(), answer.body());
        }
        return answer.body();
    }

    private static String path(String contextId) {
        return "/contexts/" + encoded(contextId);
    }

    private static String encoded(String segment) {
        return URLEncoder.encode(segment, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** The beginning of an error's body. */
    static byte[] start(InputStream body) {
        try (body) {
            return body.readNBytes(1 << 16);
        } catch (IOException e) {
            return new byte[0];
        }
    }
}
