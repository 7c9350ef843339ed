package io.athenic.e2b.server.http;

import io.netty.buffer.ByteBuf;

/** Finds the end of a body in chunks (RFC 9112, 7.1), whose sizes and line ends have one reading only. Extensions and trailers are refused: nothing uses them. */
final class ChunkedBody {
    private enum At {
        SIZE,
        SIZE_END,
        DATA,
        DATA_RETURN,
        DATA_END,
        LAST_RETURN,
        LAST_END,
        DONE
    }

    private At at = At.SIZE;
    private long size;
    private int digits;

    /** Passes over what belongs to the body; true when its end was reached. */
    boolean skip(ByteBuf in) throws RefusedException {
        while (at != At.DONE && in.isReadable()) {
            if (at == At.DATA) {
                var count = (int) Math.min(size, in.readableBytes());
                in.skipBytes(count);
                size -= count;
                if (size == 0) {
                    at = At.DATA_RETURN;
                }
            } else {
                next(in.readByte());
            }
        }
        return at == At.DONE;
    }

    private void next(byte b) throws RefusedException {
        switch (at) {
            case SIZE -> {
                if (digits > 0 && b == '\r') {
                    at = At.SIZE_END;
                    return;
                }
                var digit = Character.digit(b, 16);
                if (digit < 0 || ++digits > 15) {
                    throw new RefusedException(400, "a chunk's size is no hexadecimal number, alone on its line");
                }
                size = size << 4 | digit;
            }
            case SIZE_END -> {
                expect(b, '\n');
                at = size == 0 ? At.LAST_RETURN : At.DATA;
                digits = 0;
            }
            case DATA_RETURN -> {
                expect(b, '\r');
                at = At.DATA_END;
            }
            case DATA_END -> {
                expect(b, '\n');
                at = At.SIZE;
            }
            case LAST_RETURN -> {
                if (b != '\r') {
                    throw new RefusedException(400, "trailers after a body in chunks are not taken");
                }
                at = At.LAST_END;
            }
            case LAST_END -> {
                expect(b, '\n');
                at = At.DONE;
            }
            case DATA, DONE -> throw new IllegalStateException(at.name());
        }
    }

    private static void expect(byte found, char wanted) throws RefusedException {
        if (found != wanted) {
            throw new RefusedException(400, "the body is not in chunks as announced: CR LF must follow each");
        }
    }
}
