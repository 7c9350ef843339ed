package io.athenic.e2b.protocol;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** Reads enveloped messages from a stream. The length is checked before anything is allocated. */
public final class ConnectFrames {
    private final InputStream in;
    private final int maxPayload;

    /** @param maxPayload bytes; a longer message fails the stream */
    public ConnectFrames(InputStream in, int maxPayload) {
        this.in = in;
        this.maxPayload = maxPayload;
    }

    /** A message is longer than its bound. */
    public static final class TooLargeException extends IOException {
        private static final long serialVersionUID = 1;

        TooLargeException(long length, int max) {
            super("message of " + length + " bytes is larger than " + max);
        }
    }

    /**
     * The next message; null at the end of the stream between two messages.
     *
     * @throws TooLargeException longer than the bound
     * @throws EOFException the stream ends inside a message
     */
    public @Nullable ConnectFrame next() throws IOException {
        var header = in.readNBytes(ConnectFrame.HEADER);
        if (header.length == 0) {
            return null;
        }
        if (header.length < ConnectFrame.HEADER) {
            throw new EOFException("stream ends inside the header of a message");
        }
        var length = Integer.toUnsignedLong(
                (header[1] & 255) << 24 | (header[2] & 255) << 16 | (header[3] & 255) << 8 | (header[4] & 255));
        if (length > maxPayload) {
            throw new TooLargeException(length, maxPayload);
        }
        var payload = in.readNBytes((int) length);
        if (payload.length < length) {
            throw new EOFException("stream ends inside a message of " + length + " bytes");
        }
        return new ConnectFrame(header[0] & 255, payload);
    }
}
