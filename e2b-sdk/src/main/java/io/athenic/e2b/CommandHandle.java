package io.athenic.e2b;

import io.athenic.e2b.protocol.ConnectError;
import io.athenic.e2b.protocol.ConnectFrame;
import io.athenic.e2b.protocol.ConnectFrames;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.JsonException;
import io.athenic.e2b.protocol.ProcessEvent;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A started process and its output. Reading is for one thread; {@link #kill}, input and {@link #close} are for any. Closing ends the
 * stream, not the process.
 */
public final class CommandHandle implements AutoCloseable {
    private static final int MAX_MESSAGE = 16 << 20;

    /** How long after its deadline a stream is waited for: the server kills the process and says so. */
    private static final Duration DEADLINE_GRACE = Duration.ofSeconds(5);

    /** What {@link #waitFor} keeps of the output; reading by {@link #next} has no such bound. */
    private static final int MAX_KEPT_CHARS = 64 << 20;

    private final SandboxLink link;
    private final Commands commands;
    private final InputStream body;
    private final ConnectFrames frames;
    private final Duration timeout;
    private final long started;
    private final Watchdog deadline;
    private final Utf8 stdout = new Utf8();
    private final Utf8 stderr = new Utf8();
    private int pid;
    private @Nullable CommandResult result;
    private volatile boolean closed;

    /** Output of a process. */
    public sealed interface Output {
        record Stdout(String text) implements Output {}

        record Stderr(String text) implements Output {}
    }

    private CommandHandle(SandboxLink link, Commands commands, InputStream body, Duration timeout, long started) {
        this.link = link;
        this.started = started;
        this.commands = commands;
        this.body = body;
        this.frames = new ConnectFrames(body, MAX_MESSAGE);
        this.timeout = timeout;
        Duration longest = timeout.isZero() ? Duration.ZERO : timeout.plus(DEADLINE_GRACE);
        this.deadline = Watchdog.after(longest, this::close);
    }

    /**
     * Waits for the start, which is the first message.
     *
     * @param started when the call was made, in nanoTime: the server counts the timeout from about there
     */
    static CommandHandle open(SandboxLink link, Commands commands, InputStream body, Duration timeout, long started) {
        var handle = new CommandHandle(link, commands, body, timeout, started);
        try {
            if (!(handle.read() instanceof ProcessEvent.Started startEvent)) {
                throw new SandboxException("the stream of a process did not begin with its start");
            }
            handle.pid = startEvent.pid();
            return handle;
        } catch (SandboxException e) {
            handle.close();
            throw e;
        }
    }

    public int pid() {
        return pid;
    }

    /** The next output; null when the process has ended ({@link #result()}) or this was closed. */
    public @Nullable Output next() {
        while (result == null) {
            ProcessEvent event = read();
            switch (event) {
                case null -> {
                    return null;
                }
                case ProcessEvent.Stdout out -> {
                    String text = stdout.decode(out.data());
                    if (!text.isEmpty()) {
                        return new Output.Stdout(text);
                    }
                }
                case ProcessEvent.Stderr err -> {
                    String text = stderr.decode(err.data());
                    if (!text.isEmpty()) {
                        return new Output.Stderr(text);
                    }
                }
                case ProcessEvent.Ended end -> {
                    result = new CommandResult(end.exitCode(), end.status(), "", "");
                    close();
                }
                case ProcessEvent.Started ignored -> {}
                case ProcessEvent.Pty ignored -> {}
                case ProcessEvent.KeepAlive ignored -> {}
            }
        }
        return null;
    }

    /** How it ended, without output; null before that. */
    public @Nullable CommandResult result() {
        return result;
    }

    public CommandResult waitFor() {
        return waitFor(text -> {}, text -> {});
    }

    /**
     * Reads to the end.
     *
     * @throws CommandExitException it ended with another code than 0
     * @throws TimeoutException it was killed at its timeout
     * @throws SandboxException this was closed before the end
     */
    public CommandResult waitFor(Consumer<String> onStdout, Consumer<String> onStderr) {
        var out = new StringBuilder();
        var err = new StringBuilder();
        for (Output output = next(); output != null; output = next()) {
            switch (output) {
                case Output.Stdout text -> {
                    onStdout.accept(text.text());
                    keep(out, text.text());
                }
                case Output.Stderr text -> {
                    onStderr.accept(text.text());
                    keep(err, text.text());
                }
            }
        }
        CommandResult end = result;
        if (isOverdue() && (end == null || end.exitCode() == -1)) {
            throw new TimeoutException("the command did not end within " + timeout.toMillis() + " ms and was killed");
        }
        if (end == null) {
            throw new SandboxException("the stream of the command was closed before its end");
        }
        var whole = new CommandResult(end.exitCode(), end.status(), out.toString(), err.toString());
        if (whole.exitCode() != 0) {
            throw new CommandExitException(whole);
        }
        return whole;
    }

    public boolean kill() {
        return commands.kill(pid);
    }

    public void sendStdin(String text) {
        commands.sendStdin(pid, text);
    }

    public void closeStdin() {
        commands.closeStdin(pid);
    }

    @Override
    public void close() {
        closed = true;
        deadline.close();
        try {
            body.close();
        } catch (IOException e) {
            // The connection is gone either way, which is all that closing is for.
            return;
        }
    }

    private boolean isOverdue() {
        return !timeout.isZero() && System.nanoTime() - started >= timeout.toNanos();
    }

    private static void keep(StringBuilder kept, String text) {
        if (kept.length() + text.length() > MAX_KEPT_CHARS) {
            throw new SandboxException("the output is larger than " + MAX_KEPT_CHARS
                    + " characters: read it as a stream by start() and next()");
        }
        kept.append(text);
    }

    /** The next message; null after we closed the stream. */
    private @Nullable ProcessEvent read() {
        try {
            ConnectFrame frame = frames.next();
            if (frame == null) {
                throw new IOException("the stream ended before the end of the process");
            }
            if (!frame.end()) {
                return Json.read(frame.payload(), ProcessEvent.Message.class).event();
            }
            ConnectError error = frame.error();
            close();
            throw error == null
                    ? new SandboxException("the stream ended before the end of the process")
                    : Failures.ofConnect(error, false);
        } catch (JsonException e) {
            close();
            throw new SandboxException("envd sent what is no event of a process: " + e.getMessage(), e);
        } catch (IOException e) {
            if (closed) {
                return null;
            }
            close();
            throw link.broken("a command ran", e);
        }
    }
}
