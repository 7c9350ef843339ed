package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One connection to a guest: one operation. Blocking, for virtual threads. Reads belong to one thread at a time; writes are serialised.
 * A deadline is kept by closing the connection, which is the one thing that wakes a blocked read or write.
 */
final class GuestConnection implements AutoCloseable {
    private static final int MAX_WRITE = 64 * 1024;
    private static final Duration CONNECT = Duration.ofSeconds(10);

    private final SocketChannel channel;
    private final FrameReader reader;
    private final Timers timers;
    private final Consumer<GuestConnection> onClose;
    private final ReentrantLock writing = new ReentrantLock();
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile boolean late;

    private GuestConnection(SocketChannel channel, Timers timers, Consumer<GuestConnection> onClose) {
        this.channel = channel;
        this.reader = new FrameReader(channel);
        this.timers = timers;
        this.onClose = onClose;
    }

    static SocketChannel socket() {
        try {
            return SocketChannel.open(StandardProtocolFamily.UNIX);
        } catch (IOException e) {
            throw new EngineException(ErrorCode.RESOURCE_EXHAUSTED, "no more sockets can be opened", e);
        }
    }

    /** Connects; {@code onClose} is told once, when the connection is closed or could not be made. */
    static GuestConnection open(SocketChannel channel, Path socket, Timers timers, Consumer<GuestConnection> onClose) {
        GuestConnection connection = new GuestConnection(channel, timers, onClose);
        // A guest that was stopped by its room's root accepts nothing: connecting then waits for a place in its queue.
        try (Deadline _ = connection.deadline(CONNECT)) {
            channel.connect(UnixDomainSocketAddress.of(socket));
            return connection;
        } catch (IOException e) {
            connection.close();
            throw new EngineException(ErrorCode.UNAVAILABLE, "the sandbox does not answer", e);
        } catch (RuntimeException e) {
            connection.close();
            throw e;
        }
    }

    /** Sends one JSON frame. */
    void send(JsonNode message) throws IOException {
        byte[] bytes = Json.bytes(message);
        if (bytes.length > Frame.MAX_PAYLOAD) {
            throw new EngineException(
                    ErrorCode.INVALID_ARGUMENT,
                    "the request is larger than " + Frame.MAX_PAYLOAD + " bytes: " + bytes.length);
        }
        send(Frame.JSON, bytes, 0, bytes.length);
    }

    /** Sends the bytes as one frame; at most {@link Frame#MAX_PAYLOAD} of them. */
    void send(int type, byte[] bytes, int offset, int length) throws IOException {
        ByteBuffer head = ByteBuffer.allocate(Frame.HEADER + Math.min(length, MAX_WRITE));
        head.putInt(length + 1).put((byte) type);
        int first = Math.min(length, MAX_WRITE);
        head.put(bytes, offset, first).flip();
        writing.lock();
        try {
            write(head);
            for (int at = first; at < length; at += MAX_WRITE) {
                write(ByteBuffer.wrap(bytes, offset + at, Math.min(MAX_WRITE, length - at)));
            }
        } finally {
            writing.unlock();
        }
    }

    private void write(ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    /** The next frame; null at the end. */
    @Nullable
    Frame read() throws IOException {
        return reader.read();
    }

    /** Bytes of the payloads that came so far. */
    long received() {
        return reader.received();
    }

    /** The next JSON frame within the time; an {@code error} in it is thrown. */
    ObjectNode answer(Duration within) {
        try (Deadline _ = deadline(within)) {
            Frame frame = reader.read();
            if (frame == null) {
                throw gone(null);
            }
            return message(frame);
        } catch (IOException e) {
            throw gone(e);
        }
    }

    /** One request, one answer, closed. */
    ObjectNode call(JsonNode request, Duration within) {
        try (this;
                Deadline _ = deadline(within)) {
            send(request);
            Frame frame = reader.read();
            if (frame == null) {
                throw gone(null);
            }
            return message(frame);
        } catch (IOException e) {
            throw gone(e);
        }
    }

    /** The JSON object of a frame; an {@code error} in it is thrown. */
    static ObjectNode message(Frame frame) throws IOException {
        if (frame.type() != Frame.JSON) {
            throw new IOException("a JSON frame was expected, not one of type " + frame.type());
        }
        ObjectNode message = Json.parse(frame.payload());
        JsonNode error = message.get("error");
        if (error instanceof ObjectNode) {
            ErrorCode code = ErrorCode.ofWireName(Json.text(error, "code")).orElse(ErrorCode.INTERNAL);
            String why = Texts.shorten(Json.text(error, "message"), 2000);
            throw new EngineException(code, why.isBlank() ? "the sandbox refused, and gave no reason" : why);
        }
        return message;
    }

    /** What to throw when the connection broke. */
    EngineException gone(@Nullable Exception cause) {
        if (late) {
            return new EngineException(ErrorCode.DEADLINE_EXCEEDED, "the sandbox did not answer in time", cause);
        }
        if (cause instanceof java.net.ProtocolException) {
            return new EngineException(
                    ErrorCode.INTERNAL, "the sandbox broke the protocol: " + cause.getMessage(), cause);
        }
        return new EngineException(ErrorCode.UNAVAILABLE, "the connection to the sandbox ended early", cause);
    }

    /** Closes the connection unless the returned deadline is closed before. */
    Deadline deadline(Duration within) {
        return new Deadline(timers.after(within, () -> {
            late = true;
            close();
        }));
    }

    /** Says that nothing more will be sent; what the guest still sends can be read. */
    void endOutput() {
        try {
            channel.shutdownOutput();
        } catch (IOException e) {
            close();
        }
    }

    /** The socket itself, for a connection that goes on raw, and the bytes already read from it. */
    SocketChannel channel() {
        return channel;
    }

    ByteBuffer remaining() {
        return reader.remaining();
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            Closing.quietly(channel);
            onClose.accept(this);
        }
    }

    /** A running deadline; closing it calls it off. */
    record Deadline(ScheduledFuture<?> timer) implements AutoCloseable {
        @Override
        public void close() {
            timer.cancel(false);
        }
    }
}
