package io.athenic.e2b.server.http;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.streams.ReadStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Incoming bytes (the body of a request, an upgraded connection), read by one virtual thread. At most {@link #WINDOW} chunks wait here; the rest stays in the
 * socket, so a body of any length costs a bounded amount of memory. A client that sends nothing for the
 * idle time is given up.
 */
final class BodyStream extends InputStream {
    private static final int WINDOW = 16;
    /** Of an unread body: enough for a client to send on until it looks at the answer. */
    private static final long DISCARDED = 64 << 20;

    private final ReadStream<Buffer> source;
    private final Runnable closeConnection;
    private final long idleSeconds;
    private final Context context;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private final ArrayDeque<Buffer> waiting = new ArrayDeque<>();

    @GuardedBy("lock")
    private boolean ended;

    @GuardedBy("lock")
    private boolean gone;

    // Of the reader alone.
    private @Nullable Buffer current;
    private int position;
    private int taken;

    /**
     * Runs on the source's event loop, in its handler.
     *
     * @param idleSeconds longest silence of the client
     */
    BodyStream(ReadStream<Buffer> source, Context context, Runnable closeConnection, long idleSeconds) {
        this.source = source;
        this.context = context;
        this.closeConnection = closeConnection;
        this.idleSeconds = idleSeconds;
        source.pause();
        source.handler(this::offer);
        source.endHandler(nothing -> finish(false));
        source.exceptionHandler(failure -> finish(true));
        source.fetch(WINDOW);
    }

    private void offer(Buffer chunk) {
        lock.lock();
        try {
            waiting.add(chunk);
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    private void finish(boolean failed) {
        lock.lock();
        try {
            if (failed && !ended) {
                gone = true;
            } else {
                ended = true;
            }
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    void clientGone() {
        finish(true);
    }

    /** Whether the whole body has arrived from the client. */
    boolean received() {
        lock.lock();
        try {
            return ended;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public int read() throws IOException {
        var one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 255;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, target.length);
        if (length == 0) {
            return 0;
        }
        var chunk = current;
        while (chunk == null || position == chunk.length()) {
            chunk = take();
            if (chunk == null) {
                return -1;
            }
            current = chunk;
            position = 0;
        }
        var count = Math.min(length, chunk.length() - position);
        chunk.getBytes(position, position + count, target, offset);
        position += count;
        return count;
    }

    private @Nullable Buffer take() throws IOException {
        lock.lock();
        try {
            while (waiting.isEmpty()) {
                if (ended) {
                    return null;
                }
                if (gone) {
                    throw new ClientGoneException("the client closed the connection while it sent its body");
                }
                if (!changed.await(idleSeconds, TimeUnit.SECONDS)) {
                    throw new HttpFailure(408, "no byte of the body arrived for " + idleSeconds + " s");
                }
            }
            if (++taken == WINDOW / 2) {
                taken = 0;
                context.runOnContext(nothing -> source.fetch(WINDOW / 2));
            }
            return waiting.poll();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while reading a body");
        } finally {
            lock.unlock();
        }
    }

    /** What the handler left unread is thrown away up to a bound; a longer rest costs the client its connection. */
    void discardRest() {
        lock.lock();
        try {
            if (ended || gone) {
                return;
            }
            waiting.clear();
        } finally {
            lock.unlock();
        }
        context.runOnContext(nothing -> {
            if (received()) {
                return;
            }
            var left = new long[] {DISCARDED};
            source.handler(chunk -> {
                left[0] -= chunk.length();
                if (left[0] < 0) {
                    closeConnection.run();
                }
            });
            source.resume();
        });
    }
}
