package io.athenic.e2b;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Lines of a stream, each bounded: a picture is one line of many megabytes, an endless line is an error. */
final class LineReader {
    private final InputStream in;
    private final int maxLine;
    private byte[] buffer = new byte[16 << 10];
    private int start;
    private int end;

    LineReader(InputStream in, int maxLine) {
        this.in = in;
        this.maxLine = maxLine;
    }

    /** The line is longer than its bound. */
    static final class TooLongException extends IOException {
        private static final long serialVersionUID = 1;

        TooLongException(int max) {
            super("a line of the answer is longer than " + max + " bytes");
        }
    }

    /**
     * The next line without its line feed; null at the end. What follows the last line feed is no line.
     *
     * @throws TooLongException longer than the bound
     */
    @Nullable
    String next() throws IOException {
        int scanned = start;
        while (true) {
            for (int i = scanned; i < end; i++) {
                if (buffer[i] == '\n') {
                    String line = new String(buffer, start, i - start, StandardCharsets.UTF_8);
                    start = i + 1;
                    shrink();
                    return line;
                }
            }
            scanned = end;
            if (end - start > maxLine) {
                throw new TooLongException(maxLine);
            }
            if (end == buffer.length) {
                int kept = end - start;
                byte[] target = kept > buffer.length / 2 ? new byte[buffer.length * 2] : buffer;
                System.arraycopy(buffer, start, target, 0, kept);
                buffer = target;
                start = 0;
                end = kept;
                scanned = kept;
            }
            int read = in.read(buffer, end, buffer.length - end);
            if (read < 0) {
                return null;
            }
            end += read;
        }
    }

    /** A long line is seldom followed by another: its memory is not kept for the life of the stream. */
    private void shrink() {
        if (buffer.length > 1 << 20 && end - start < 16 << 10) {
            buffer = Arrays.copyOf(Arrays.copyOfRange(buffer, start, end), 16 << 10);
            end -= start;
            start = 0;
        }
    }
}
