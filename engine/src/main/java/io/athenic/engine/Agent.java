package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.engine.egress.Egress;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Processes, files and ports of one sandbox, done by the agent inside it with the room's rights (docs/PROTOCOL.md, section 3). Every call
 * is one connection and blocks. Where a {@code user} may be null, that is the template's default user; an unknown one is UNAUTHENTICATED.
 * Paths are resolved in the room: empty is the home, relative is below it. Every call may throw an {@link EngineException}: UNAVAILABLE
 * when the sandbox is gone, DEADLINE_EXCEEDED when it does not answer.
 */
public final class Agent {
    private static final Duration ANSWER = Duration.ofSeconds(30);

    /** A recursive removal or a concatenation works through gigabytes. */
    private static final Duration LONG_ANSWER = Duration.ofMinutes(5);

    private static final int MAX_PATH_BYTES = 4096;
    private static final int MAX_ENTRIES = 100_000;

    /** An entry is some 300 bytes; a guest that sends larger ones does not fill our memory. */
    private static final long MAX_LIST_BYTES = 100L << 20;

    private static final int CHUNK = 64 * 1024;

    private final AgentGuest guest;
    private final Origin origin;

    /** @param origin what holds for processes that name no user or no folder */
    Agent(AgentGuest guest, Origin origin) {
        this.guest = guest;
        this.origin = origin;
    }

    /** Starts a process; its stream begins with {@link ProcessEvent.Started}. */
    public ProcessStream start(ProcessSpec spec) {
        ObjectNode request = request("process.start").put("cmd", spec.cmd());
        spec.args().forEach(request.putArray("args")::add);
        request.set("env", Json.stringMap(spec.env()));
        put(request, "cwd", spec.cwd() == null ? origin.workdir().orElse(null) : spec.cwd());
        put(request, "user", spec.user() == null ? origin.user().orElse(null) : spec.user());
        put(request, "tag", spec.tag());
        request.put("stdin", spec.stdin());
        ProcessSpec.PtySize pty = spec.pty();
        if (pty != null) {
            request.putObject("pty").put("cols", pty.cols()).put("rows", pty.rows());
        }
        request.put("timeoutMillis", spec.timeout().toMillis());
        return stream(request);
    }

    /** Follows a process from now on; NOT_FOUND for one that is not there. */
    public ProcessStream connect(ProcessSelector selector) {
        return stream(request("process.connect", selector));
    }

    private ProcessStream stream(ObjectNode request) {
        long killsBefore = guest.room().oomKills();
        return open(request, connection -> {
            int pid = Json.integer(connection.answer(ANSWER).path("start"), "pid");
            AgentProcessStream stream = new AgentProcessStream(connection, pid, guest.room(), killsBefore);
            stream.begin("process-" + guest.sandbox() + "-" + pid, new ProcessEvent.Started(pid));
            return stream;
        });
    }

    /** The processes that were started here and still run. */
    public List<ProcessInfo> list() {
        return Answers.processes(call(request("process.list")));
    }

    /** Writes to the process's input, or its terminal; returns when all was taken. */
    public void input(ProcessSelector selector, byte[] bytes) {
        try (GuestConnection connection = guest.connect();
                GuestConnection.Deadline _ = connection.deadline(ANSWER)) {
            try {
                connection.send(request("process.input", selector));
                for (int at = 0; at < bytes.length; at += CHUNK) {
                    connection.send(Frame.INPUT, bytes, at, Math.min(CHUNK, bytes.length - at));
                }
                connection.send(Json.object().put("eof", true));
            } catch (IOException e) {
                connection.answer(ANSWER); // throws the reason, if the agent gave one
                throw connection.gone(e);
            }
            connection.answer(ANSWER);
        }
    }

    public void closeStdin(ProcessSelector selector) {
        call(request("process.closeStdin", selector));
    }

    /** Sends the signal, 1 to 64; NOT_FOUND for a process that is not there. */
    public void signal(ProcessSelector selector, int signal) {
        Check.range("signal", signal, 1, 64);
        call(request("process.signal", selector).put("signal", signal));
    }

    /** Kills the process and everything that it has started, daemons too; NOT_FOUND for one that is not there. */
    public void killAll(ProcessSelector selector) {
        call(request("process.signal", selector).put("signal", 9).put("all", true));
    }

    public void resize(ProcessSelector selector, int cols, int rows) {
        ProcessSpec.PtySize size = new ProcessSpec.PtySize(cols, rows);
        call(request("process.resize", selector).put("cols", size.cols()).put("rows", size.rows()));
    }

    public Entry stat(String path, @Nullable String user) {
        return Answers.entry(call(path("fs.stat", path, user)));
    }

    /** For one {@link #list(String, int, String, AnswerMemory)}. */
    public AnswerMemory answerMemory() {
        return new AnswerMemory(guest.room().memory().new Share());
    }

    /** As {@link #list(String, int, String, AnswerMemory)}, for callers that hand nothing on. */
    public List<Entry> list(String path, int depth, @Nullable String user) {
        try (AnswerMemory memory = answerMemory()) {
            return list(path, depth, user, memory);
        }
    }

    /**
     * What is below a folder, {@code depth} levels deep; RESOURCE_EXHAUSTED for more than 100,000 entries.
     *
     * @param memory what the entries take, until it is closed
     */
    public List<Entry> list(String path, int depth, @Nullable String user, AnswerMemory memory) {
        Check.range("depth", depth, 1, 1000);
        List<Entry> entries = new ArrayList<>();
        try (GuestConnection connection = guest.connect();
                GuestConnection.Deadline _ = connection.deadline(LONG_ANSWER)) {
            connection.send(path("fs.list", path, user).put("depth", depth));
            while (true) {
                ObjectNode message = connection.answer(ANSWER);
                memory.grown(connection.received());
                message.path("entries").forEach(node -> entries.add(Answers.toEntry(node)));
                message.path("ok").path("entries").forEach(node -> entries.add(Answers.toEntry(node)));
                if (entries.size() > MAX_ENTRIES || connection.received() > MAX_LIST_BYTES) {
                    throw new EngineException(
                            ErrorCode.RESOURCE_EXHAUSTED, "the folder holds more than " + MAX_ENTRIES + " entries");
                }
                if (message.has("ok")) {
                    return entries;
                }
            }
        } catch (IOException e) {
            throw new EngineException(ErrorCode.UNAVAILABLE, "the sandbox closed the connection", e);
        }
    }

    /** Makes a folder and its parents; ALREADY_EXISTS when it is there. */
    public Entry makeDir(String path, @Nullable String user) {
        return Answers.entry(call(path("fs.mkdir", path, user)));
    }

    public Entry move(String source, String destination, @Nullable String user) {
        Check.text("source", source, MAX_PATH_BYTES);
        Check.text("destination", destination, MAX_PATH_BYTES);
        ObjectNode request = request("fs.move").put("source", source).put("destination", destination);
        return Answers.entry(call(put(request, "user", user), LONG_ANSWER));
    }

    /** Removes a file, or a folder with all it holds; a missing one is no error. */
    public void remove(String path, @Nullable String user) {
        call(path("fs.remove", path, user), LONG_ANSWER);
    }

    /** Opens a file for reading from {@code offset}, at most {@code length} bytes; a negative length is all. */
    public FileDownload read(String path, @Nullable String user, long offset, long length) {
        Check.range("offset", offset, 0, Long.MAX_VALUE);
        ObjectNode request = path("fs.read", path, user).put("offset", offset);
        if (length >= 0) {
            request.put("length", length);
        }
        return open(request, connection -> {
            Entry entry = Answers.toEntry(connection.answer(ANSWER).path("entry"));
            return new FileDownload(entry, new FrameInputStream(connection));
        });
    }

    /** Opens a file for writing: it is made with its parents, or emptied, and belongs to the user. */
    public FileUpload write(String path, @Nullable String user, Map<String, String> metadata) {
        Check.map("metadata", metadata, 1000, 64 * 1024);
        ObjectNode request = path("fs.write", path, user);
        request.set("metadata", Json.stringMap(metadata));
        return open(request, FileUpload::new);
    }

    /** Writes all of the stream. A failure of the stream itself is thrown as it is; what came stays in the file. */
    public Entry write(String path, @Nullable String user, Map<String, String> metadata, InputStream bytes)
            throws IOException {
        try (FileUpload upload = write(path, user, metadata)) {
            byte[] chunk = new byte[CHUNK];
            for (int count = bytes.read(chunk); count >= 0; count = bytes.read(chunk)) {
                if (count > 0) {
                    upload.stream().write(chunk, 0, count);
                }
            }
            return upload.finish();
        }
    }

    /** Joins the files to one and removes them. */
    public Entry compose(List<String> sources, String destination, @Nullable String user) {
        Check.range("sources", sources.size(), 1, 1000);
        sources.forEach(source -> Check.text("sources", source, MAX_PATH_BYTES));
        Check.text("destination", destination, MAX_PATH_BYTES);
        ObjectNode request = request("fs.compose").put("destination", destination);
        sources.forEach(request.putArray("sources")::add);
        return Answers.entry(call(put(request, "user", user), LONG_ANSWER));
    }

    /** Watches a folder; changes after the return are seen. */
    public WatchStream watch(String path, boolean recursive, boolean includeEntry, @Nullable String user) {
        ObjectNode request =
                path("fs.watch", path, user).put("recursive", recursive).put("includeEntry", includeEntry);
        return open(request, connection -> {
            connection.answer(ANSWER);
            AgentWatchStream stream = new AgentWatchStream(connection);
            stream.begin("watch-" + guest.sandbox(), null);
            return stream;
        });
    }

    /** Connects to 127.0.0.1:port in the room; UNAVAILABLE when nothing listens there. */
    public PortConnection connectPort(int port) {
        Check.range("port", port, 1, 65_535);
        // Whoever reaches a sandbox's ports from outside shall not go out again through its proxy.
        if (port == Egress.PORT) {
            throw new EngineException(
                    ErrorCode.UNAVAILABLE, "port " + port + " of a sandbox belongs to its proxy: use another one");
        }
        return open(request("port.connect").put("port", port), connection -> {
            connection.answer(ANSWER);
            return new PortConnection(connection, connection.remaining());
        });
    }

    /** Sends the request and begins to use the connection; closes it if that fails. */
    private <T> T open(ObjectNode request, Function<GuestConnection, T> begin) {
        GuestConnection connection = guest.connect();
        try (GuestConnection.Deadline _ = connection.deadline(ANSWER)) {
            connection.send(request);
            return begin.apply(connection);
        } catch (IOException e) {
            connection.close();
            throw connection.gone(e);
        } catch (RuntimeException e) {
            connection.close();
            throw e;
        }
    }

    private JsonNode call(ObjectNode request) {
        return call(request, ANSWER);
    }

    private JsonNode call(ObjectNode request, Duration within) {
        return guest.connect().call(request, within);
    }

    private static ObjectNode request(String op) {
        return Json.object().put("op", op);
    }

    private static ObjectNode request(String op, ProcessSelector selector) {
        return switch (selector) {
            case ProcessSelector.Pid(int pid) -> request(op).put("pid", pid);
            case ProcessSelector.Tag(String tag) -> request(op).put("tag", tag);
        };
    }

    private static ObjectNode path(String op, String path, @Nullable String user) {
        Check.text("path", path, MAX_PATH_BYTES);
        return put(request(op).put("path", path), "user", user);
    }

    private static ObjectNode put(ObjectNode request, String field, @Nullable String value) {
        return value == null ? request : request.put(field, value);
    }
}
