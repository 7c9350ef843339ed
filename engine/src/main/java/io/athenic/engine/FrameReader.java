package io.athenic.engine;

import java.io.EOFException;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import org.jspecify.annotations.Nullable;

/** Cuts a stream of untrusted bytes into frames. The length is checked before anything is allocated for it. One reader at a time. */
final class FrameReader {
    /** The JDK keeps a direct buffer as large as the largest read per carrier thread: reads stay small. */
    private static final int MAX_READ = 64 * 1024;

    private final ReadableByteChannel in;
    private long received;
    private final ByteBuffer buffer = ByteBuffer.allocate(16 * 1024).flip();

    FrameReader(ReadableByteChannel in) {
        this.in = in;
    }

    /**
     * The next frame, or null at the end of the stream between two frames.
     *
     * @throws ProtocolException for a frame that is not one of the protocol
     * @throws EOFException for an end within a frame
     */
    @Nullable
    Frame read() throws IOException {
        if (!fill()) {
            return null;
        }
        int length = buffer.getInt();
        if (length < 1 || length > Frame.MAX_LENGTH) {
            throw new ProtocolException("frame length out of range: " + Integer.toUnsignedString(length));
        }
        int type = buffer.get();
        if (type < Frame.JSON || type > Frame.DATA) {
            throw new ProtocolException("unknown frame type: " + type);
        }
        byte[] payload = new byte[length - 1];
        received += payload.length;
        int buffered = Math.min(buffer.remaining(), payload.length);
        buffer.get(payload, 0, buffered);
        ByteBuffer rest = ByteBuffer.wrap(payload);
        rest.position(buffered);
        while (rest.position() < payload.length) {
            rest.limit(Math.min(payload.length, rest.position() + MAX_READ));
            if (in.read(rest) < 0) {
                throw new EOFException("end of stream within a frame");
            }
        }
        return new Frame(type, payload);
    }

    /** Bytes of all payloads so far. */
    long received() {
        return received;
    }

    /** Bytes that were read behind the last frame: the first of a connection that goes on raw. */
    ByteBuffer remaining() {
        return buffer.slice();
    }

    /** Makes a whole header available; false at the end of the stream. */
    private boolean fill() throws IOException {
        if (buffer.remaining() >= Frame.HEADER) {
            return true;
        }
        buffer.compact();
        try {
            while (buffer.position() < Frame.HEADER) {
                if (in.read(buffer) < 0) {
                    if (buffer.position() == 0) {
                        return false;
                    }
                    throw new EOFException("end of stream within a frame");
                }
            }
        } finally {
            buffer.flip();
        }
        return true;
    }
}
