package io.athenic.engine;

import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Reads a connection's frames on a thread of its own and hands out events; base of the streams of the agent. */
abstract class FrameStream<E> {
    /** Bound of what waits for the caller, besides the socket's buffer. */
    static final long MAX_WAITING_BYTES = 1 << 20;

    private final GuestConnection connection;
    private final EventQueue<E> queue = new EventQueue<>(MAX_WAITING_BYTES);
    private volatile boolean ended;

    FrameStream(GuestConnection connection) {
        this.connection = connection;
    }

    /** Begins to read; {@code first} is delivered before everything else. */
    void begin(String name, @Nullable E first) {
        Thread.ofVirtual().name(name).start(() -> readAll(first));
    }

    /** The event of a frame; null for none. */
    abstract @Nullable E event(Frame frame) throws IOException;

    /** Whether the event is the last one. */
    abstract boolean last(E event);

    private void readAll(@Nullable E first) {
        try (connection) {
            if (first != null) {
                queue.put(first, 0);
            }
            while (true) {
                Frame frame = connection.read();
                if (frame == null) {
                    throw new IOException("end of stream");
                }
                E event = event(frame);
                if (event != null) {
                    queue.put(event, EventQueue.weight(frame));
                    if (last(event)) {
                        return;
                    }
                }
            }
        } catch (IOException e) {
            queue.fail(connection.gone(e));
        } catch (EngineException e) {
            queue.fail(e);
        } catch (RuntimeException e) { // its caller must not wait for ever
            queue.fail(new EngineException(ErrorCode.INTERNAL, "the sandbox's answer could not be read", e));
        } catch (InterruptedException e) {
            queue.fail(new EngineException(ErrorCode.UNAVAILABLE, "the stream was interrupted", e));
        }
    }

    public @Nullable E next(Duration maxWait) throws InterruptedException {
        if (ended) {
            throw new IllegalStateException("the stream has ended");
        }
        E event = queue.next(maxWait);
        if (event != null && last(event)) {
            ended = true;
        }
        return event;
    }

    public void close() {
        connection.close();
        queue.close();
    }
}
