package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.EOFException;
import java.io.IOException;
import java.net.ProtocolException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The engine's end of docs/PROTOCOL.md, section 2: requests with numbers, answers in any order, events. */
final class RoomdClient implements AutoCloseable {
    /** Longest line in either direction. */
    static final int MAX_LINE = 64 * 1024;

    private static final int MAX_PENDING = 10_000;
    private static final Duration MAX_WAIT = Duration.ofSeconds(5);
    private static final Logger LOG = LoggerFactory.getLogger(RoomdClient.class);

    private final SocketChannel channel;
    private final RoomdEvents events;
    private final AtomicInteger ids = new AtomicInteger();
    private final Map<Integer, CompletableFuture<JsonNode>> pending = new ConcurrentHashMap<>();
    private final BlockingQueue<byte[]> outgoing = new ArrayBlockingQueue<>(1024);
    private final Thread writer = Thread.ofVirtual().name("roomd-writer").unstarted(this::writeAll);
    private volatile @Nullable EngineException gone;

    private RoomdClient(SocketChannel channel, RoomdEvents events) {
        this.channel = channel;
        this.events = events;
    }

    static RoomdClient connect(Path socket, RoomdEvents events) {
        SocketChannel channel = null;
        try {
            channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            channel.connect(UnixDomainSocketAddress.of(socket));
        } catch (IOException | IllegalArgumentException e) {
            Closing.quietly(channel);
            throw new EngineException(
                    ErrorCode.UNAVAILABLE, "roomd does not answer on its socket: is it running, and as root?", e);
        }
        RoomdClient client = new RoomdClient(channel, events);
        client.writer.start();
        Thread.ofVirtual().name("roomd-reader").start(client::readAll);
        return client;
    }

    /** Sends the request now; its answer is awaited later, so that several can be under way. */
    Pending send(String op, ObjectNode fields) {
        EngineException failure = gone;
        if (failure != null) {
            throw new EngineException(failure.code(), String.valueOf(failure.getMessage()), failure);
        }
        if (pending.size() >= MAX_PENDING) {
            throw new EngineException(ErrorCode.RESOURCE_EXHAUSTED, "too many requests to roomd are under way");
        }
        int id = ids.incrementAndGet();
        byte[] json = Json.bytes(fields.put("id", id).put("op", op));
        if (json.length >= MAX_LINE) {
            throw new EngineException(
                    ErrorCode.INVALID_ARGUMENT, op + " is larger than " + MAX_LINE + " bytes: " + json.length);
        }
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        long sent = System.nanoTime();
        var _ = answer.whenComplete((_, e) -> events.answered(op, e == null, System.nanoTime() - sent));
        pending.put(id, answer);
        byte[] line = Arrays.copyOf(json, json.length + 1);
        line[json.length] = '\n';
        try {
            if (!outgoing.offer(line, MAX_WAIT.toMillis(), TimeUnit.MILLISECONDS)) {
                pending.remove(id);
                throw new EngineException(ErrorCode.RESOURCE_EXHAUSTED, "roomd takes no more requests");
            }
        } catch (InterruptedException e) {
            pending.remove(id);
            Thread.currentThread().interrupt();
            throw new EngineException(ErrorCode.UNAVAILABLE, op + " was interrupted", e);
        }
        if (gone != null) {
            failPending(); // it ended between the check and the put
        }
        return new Pending(op, id, answer);
    }

    /** Whether it has ended: nothing is answered any more. */
    boolean isGone() {
        return gone != null;
    }

    JsonNode call(String op, ObjectNode fields, Duration within) {
        return send(op, fields).await(within);
    }

    /** Callers do not write themselves: an interrupt during a write would close the channel for everybody. */
    private void writeAll() {
        try {
            while (true) {
                ByteBuffer line = ByteBuffer.wrap(outgoing.take());
                while (line.hasRemaining()) {
                    channel.write(line);
                }
            }
        } catch (IOException | InterruptedException e) {
            Closing.quietly(channel); // the reader says why
        }
    }

    private void readAll() {
        byte[] bytes = new byte[MAX_LINE];
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        try {
            while (channel.read(buffer) >= 0) {
                int taken = takeLines(bytes, buffer.position());
                buffer.flip().position(taken);
                buffer.compact();
                if (!buffer.hasRemaining()) {
                    throw new ProtocolException("a line of roomd is longer than " + MAX_LINE + " bytes");
                }
            }
            end(new EOFException("roomd closed the connection"));
        } catch (IOException | RuntimeException e) {
            end(e);
        }
    }

    private void end(Exception cause) {
        if (channel.isOpen()) {
            LOG.error("The connection to roomd ended: {}", cause.toString());
        }
        Closing.quietly(channel);
        writer.interrupt();
        EngineException failure = new EngineException(ErrorCode.UNAVAILABLE, "roomd is gone", cause);
        gone = failure;
        failPending();
        events.roomdGone(failure);
    }

    /** Takes the whole lines of the first {@code end} bytes; returns where the unfinished one begins. */
    private int takeLines(byte[] bytes, int end) throws IOException {
        int start = 0;
        for (int at = 0; at < end; at++) {
            if (bytes[at] == '\n') {
                take(Json.parse(Arrays.copyOfRange(bytes, start, at)));
                start = at + 1;
            }
        }
        return start;
    }

    private void take(ObjectNode message) {
        if (message.has("event")) {
            takeEvent(message);
            return;
        }
        CompletableFuture<JsonNode> answer = pending.remove(message.path("id").asInt(-1));
        if (answer == null) {
            return; // its caller stopped waiting
        }
        JsonNode error = message.get("error");
        if (error == null) {
            answer.complete(message.path("ok"));
            return;
        }
        ErrorCode code = ErrorCode.ofWireName(Json.text(error, "code")).orElse(ErrorCode.INTERNAL);
        answer.completeExceptionally(new EngineException(code, Json.text(error, "message")));
    }

    private void takeEvent(ObjectNode message) {
        String sandbox = Json.text(message, "sandbox");
        switch (Json.text(message, "event")) {
            case "guest.exit" -> events.guestExited(sandbox, Json.text(message, "name"), exit(message));
            case "room.exit" -> events.roomExited(sandbox);
            case "oom" -> events.outOfMemory(sandbox, message.path("kills").asLong());
            case "zygote.exit" -> events.zygoteExited(Json.text(message, "template"));
            default -> LOG.warn("Unknown event of roomd: {}", Json.text(message, "event"));
        }
    }

    private static GuestExit exit(ObjectNode message) {
        return message.hasNonNull("signal")
                ? new GuestExit.Signal(message.path("signal").asInt())
                : new GuestExit.Code(message.path("exitCode").asInt());
    }

    private void failPending() {
        EngineException failure = gone;
        if (failure != null) {
            pending.forEach((id, answer) -> {
                pending.remove(id);
                answer.completeExceptionally(failure);
            });
        }
    }

    @Override
    public void close() {
        Closing.quietly(channel);
    }

    /** A request under way. */
    final class Pending {
        private final String op;
        private final int id;
        private final CompletableFuture<JsonNode> answer;

        private Pending(String op, int id, CompletableFuture<JsonNode> answer) {
            this.op = op;
            this.id = id;
            this.answer = answer;
        }

        /** The {@code ok} of the answer; its {@code error} is thrown. */
        JsonNode await(Duration within) {
            try {
                return answer.get(within.toNanos(), TimeUnit.NANOSECONDS);
            } catch (ExecutionException e) {
                if (e.getCause() instanceof EngineException cause && cause.code() != ErrorCode.INTERNAL) {
                    throw new EngineException(cause.code(), String.valueOf(cause.getMessage()), cause);
                }
                // What roomd says of its own failures names paths of the host: for the log, not for a caller.
                LOG.error(
                        "{} failed: {}",
                        op,
                        e.getCause() == null ? e : e.getCause().getMessage());
                throw new EngineException(ErrorCode.INTERNAL, op + " failed; the log of the service says why", e);
            } catch (TimeoutException e) {
                throw new EngineException(
                        ErrorCode.DEADLINE_EXCEEDED, "roomd did not answer " + op + " within " + within, e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new EngineException(ErrorCode.UNAVAILABLE, op + " was interrupted", e);
            } finally {
                pending.remove(id);
            }
        }
    }
}
