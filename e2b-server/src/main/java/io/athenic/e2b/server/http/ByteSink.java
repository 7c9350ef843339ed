package io.athenic.e2b.server.http;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.streams.WriteStream;
import java.io.OutputStream;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Outgoing bytes (the body of an answer, an upgraded connection), written by one virtual thread. A write waits while {@link #LIMIT} bytes are on their way to
 * the socket, so a slow client slows its own producer and costs no more memory than that; one that takes nothing for
 * {@link #STALL_SECONDS} seconds is cut off.
 */
public class ByteSink extends OutputStream {
    /** Bytes written and not yet taken by the kernel. */
    private static final int LIMIT = 256 << 10;

    private static final long STALL_SECONDS = 60;

    private final WriteStream<Buffer> target;
    private final Context context;
    private final Runnable reset;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private int underway;

    @GuardedBy("lock")
    private boolean gone;

    ByteSink(WriteStream<Buffer> target, Context context, Runnable reset) {
        this.target = target;
        this.context = context;
        this.reset = reset;
    }

    void clientGone() {
        lock.lock();
        try {
            gone = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void write(int b) {
        write(new byte[] {(byte) b});
    }

    @Override
    public void write(byte[] bytes) {
        write(bytes, 0, bytes.length);
    }

    /**
     * Returns when the bytes are on their way.
     *
     * @throws ClientGoneException nobody reads any more
     */
    @Override
    public void write(byte[] bytes, int offset, int length) {
        if (length == 0) {
            return;
        }
        acquire(length);
        var buffer = Buffer.buffer(length).appendBytes(bytes, offset, length);
        context.runOnContext(nothing -> target.write(buffer).onComplete(done -> release(length, done.succeeded())));
    }

    /** Ends the answer with these bytes, in one piece; it is complete. */
    public void end(byte[] last) {
        acquire(last.length);
        context.runOnContext(
                nothing -> target.end(Buffer.buffer(last)).onComplete(done -> release(last.length, done.succeeded())));
    }

    /** Ends the answer; it is complete. */
    public void end() {
        context.runOnContext(nothing -> target.end());
    }

    private void acquire(int length) {
        lock.lock();
        try {
            while (!gone && underway > 0 && underway + length > LIMIT) {
                var before = underway;
                if (!changed.await(STALL_SECONDS, TimeUnit.SECONDS) && underway == before) {
                    gone = true;
                    reset.run();
                }
            }
            if (gone) {
                throw new ClientGoneException("the client does not read its answer");
            }
            underway += length;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ClientGoneException("interrupted while writing an answer");
        } finally {
            lock.unlock();
        }
    }

    private void release(int length, boolean written) {
        lock.lock();
        try {
            underway -= length;
            gone |= !written;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }
}
