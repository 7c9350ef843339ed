package io.athenic.e2b.protocol;

import org.jspecify.annotations.Nullable;

/**
 * One enveloped message of a streaming Connect call: a byte of flags, four bytes of length (big-endian), the payload.
 *
 * @param payload owned by the frame; not to be changed
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of bytes on the hot path; never compared
public record ConnectFrame(int flags, byte[] payload) {
    public static final int HEADER = 5;
    public static final int COMPRESSED = 1;
    public static final int END = 2;

    private record End(@Nullable ConnectError error) {}

    public boolean compressed() {
        return (flags & COMPRESSED) != 0;
    }

    public boolean end() {
        return (flags & END) != 0;
    }

    /** A message. */
    public static byte[] message(byte[] payload) {
        return encode(0, payload);
    }

    /** The last message of a stream; {@code error} null: success. */
    public static byte[] end(@Nullable ConnectError error) {
        return encode(END, Json.write(new End(error)));
    }

    /**
     * The error that an end-of-stream message carries.
     *
     * @throws JsonException malformed
     */
    public @Nullable ConnectError error() {
        return Json.read(payload, End.class).error();
    }

    public static byte[] encode(int flags, byte[] payload) {
        var frame = new byte[HEADER + payload.length];
        frame[0] = (byte) flags;
        frame[1] = (byte) (payload.length >>> 24);
        frame[2] = (byte) (payload.length >>> 16);
        frame[3] = (byte) (payload.length >>> 8);
        frame[4] = (byte) payload.length;
        System.arraycopy(payload, 0, frame, HEADER, payload.length);
        return frame;
    }
}
