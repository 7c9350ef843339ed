package io.athenic.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Objects;

/** The bytes of a file as its frames arrive. Complete only when the guest's count is the number of bytes that came. */
final class FrameInputStream extends InputStream {
    private static final Duration MAX_PAUSE = Duration.ofSeconds(60);

    private final GuestConnection connection;
    private byte[] chunk = new byte[0];
    private int position;
    private long received;
    private boolean ended;

    FrameInputStream(GuestConnection connection) {
        this.connection = connection;
    }

    @Override
    public int read() throws IOException {
        return advance() ? chunk[position++] & 0xff : -1;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, target.length);
        if (length == 0) {
            return 0;
        }
        if (!advance()) {
            return -1;
        }
        int count = Math.min(length, chunk.length - position);
        System.arraycopy(chunk, position, target, offset, count);
        position += count;
        return count;
    }

    private boolean advance() throws IOException {
        while (position == chunk.length) {
            if (ended) {
                return false;
            }
            next();
        }
        return true;
    }

    private void next() throws IOException {
        try (GuestConnection.Deadline _ = connection.deadline(MAX_PAUSE)) {
            Frame frame = connection.read();
            if (frame == null) {
                throw early("the sandbox closed the connection");
            }
            if (frame.type() == Frame.DATA) {
                chunk = frame.payload();
                position = 0;
                received += chunk.length;
                return;
            }
            ObjectNode end = GuestConnection.message(frame);
            if (end.path("ok").path("bytes").asLong(-1) != received) {
                throw early("the sandbox sent another number of bytes than it said");
            }
            ended = true;
        } catch (EngineException e) {
            throw new IOException(e.getMessage(), e);
        }
        close();
    }

    /** Its cause says to the callers at the edge that the sandbox broke off, and not the service. */
    private static IOException early(String why) {
        String message = "the file ended early: " + why;
        return new IOException(message, new EngineException(ErrorCode.UNAVAILABLE, message));
    }

    @Override
    public void close() {
        connection.close();
    }
}
