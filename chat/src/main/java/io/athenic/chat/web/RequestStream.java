package io.athenic.chat.web;

import io.athenic.execution.ApiException;
import io.athenic.execution.ErrorCode;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The body of a request as a blocking stream. One chunk is asked for at a time, so that a slow reader slows the client and nothing
 * piles up. A read beyond {@code limit} bytes fails.
 */
final class RequestStream extends InputStream {

    private static final long SILENCE_SECONDS = 60;

    private sealed interface Piece {
        record Bytes(Buffer buffer) implements Piece {}

        record End() implements Piece {}

        record Broken(String why) implements Piece {}
    }

    private final HttpServerRequest request;
    private final long limit;
    private final BlockingQueue<Piece> queue = new LinkedBlockingQueue<>();
    private byte[] current = {};
    private int position;
    private long total;
    private boolean ended;
    private volatile boolean tooLarge;

    /** Call on the request's event loop, before anything else reads the body. */
    RequestStream(HttpServerRequest request, long limit) {
        this.request = request;
        this.limit = limit;
        request.pause();
        request.handler(buffer -> queue.add(new Piece.Bytes(buffer)));
        request.endHandler(_ -> queue.add(new Piece.End()));
        request.exceptionHandler(failure -> queue.add(new Piece.Broken("the client went away")));
        request.fetch(1);
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        if (position == current.length && !next()) {
            return -1;
        }
        int count = Math.min(length, current.length - position);
        System.arraycopy(current, position, target, offset, count);
        position += count;
        return count;
    }

    private boolean next() throws IOException {
        while (!ended) {
            switch (take()) {
                case Piece.Bytes bytes -> {
                    current = bytes.buffer().getBytes();
                    position = 0;
                    total += current.length;
                    if (total > limit) {
                        tooLarge = true;
                        throw new IOException("more than " + limit + " bytes");
                    }
                    request.fetch(1);
                    if (current.length > 0) {
                        return true;
                    }
                }
                case Piece.End _ -> ended = true;
                case Piece.Broken broken -> throw new IOException(broken.why());
            }
        }
        return false;
    }

    private Piece take() throws IOException {
        try {
            Piece piece = queue.poll(SILENCE_SECONDS, TimeUnit.SECONDS);
            if (piece == null) {
                throw new IOException("the client sent nothing for " + SILENCE_SECONDS + " s");
            }
            return piece;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** True when the body turned out to be larger than the limit. */
    boolean isTooLarge() {
        return tooLarge;
    }

    static ApiException tooLarge(long limit) {
        return new ApiException(ErrorCode.TOO_LARGE, "the body is larger than " + limit + " bytes");
    }
}
