package io.athenic.e2b.server.http;

import java.io.ByteArrayOutputStream;
import java.time.Duration;

/**
 * Joins the messages of a stream to fewer writes: the first goes out at once, then what comes within a tick is sent
 * together, or earlier when it is large. A producer of many small messages costs at most one write a tick.
 */
public final class BatchedWriter {
    public static final Duration TICK = Duration.ofMillis(2);

    private static final long TICK_NANOS = TICK.toNanos();
    private static final int LARGE = 32 << 10;

    private final ResponseStream out;
    private final ByteArrayOutputStream pending = new ByteArrayOutputStream(1024);
    private long lastFlush = System.nanoTime() - TICK_NANOS;
    /** When what is pending is to be sent. */
    private long due;

    public BatchedWriter(ResponseStream out) {
        this.out = out;
    }

    /** Sends now or within the next call of {@link #patience} and {@link #flush}. */
    public void add(byte[] message) {
        append(message, lastFlush + TICK_NANOS);
    }

    /** As {@link #add}, for what need not go out before something else does: that has a tick to come. */
    public void addUnhurried(byte[] message) {
        append(message, System.nanoTime() + TICK_NANOS);
    }

    /** Sends the last message with all that is pending, and ends the stream. */
    public void end(byte[] message) {
        pending.writeBytes(message);
        out.end(pending.toByteArray());
    }

    private void append(byte[] message, long latest) {
        due = pending.size() == 0 || latest - due < 0 ? latest : due;
        pending.writeBytes(message);
        if (pending.size() >= LARGE) {
            flush();
        }
    }

    /** How long to wait for the next message before {@link #flush} is due: {@code idle} when nothing waits here. */
    public Duration patience(Duration idle) {
        if (pending.size() == 0) {
            return idle;
        }
        var left = due - System.nanoTime();
        return left <= 0 ? Duration.ZERO : Duration.ofNanos(left);
    }

    /** Whether something was waiting and is sent now. */
    public boolean flush() {
        if (pending.size() == 0) {
            return false;
        }
        lastFlush = System.nanoTime();
        out.write(pending.toByteArray());
        pending.reset();
        return true;
    }
}
