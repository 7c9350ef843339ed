package io.athenic.engine.egress;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Reads heads and bodies from one side of a connection. One thread at a time. */
final class HttpReader {
    private static final int CHUNK = 32 << 10;
    private static final int MAX_CHUNK_LINE = 16;

    /** Where the bytes of a body go. */
    interface Sink {
        void accept(ByteBuffer bytes) throws IOException;
    }

    private final ReadableByteChannel channel;
    private final ByteBuffer buffer = ByteBuffer.allocate(CHUNK).flip();

    HttpReader(ReadableByteChannel channel) {
        this.channel = channel;
    }

    /** The next head; null when the other side ended before its first byte. */
    @Nullable
    HttpHead head() throws IOException, Refusal {
        byte[] head = new byte[4096];
        int length = 0;
        while (true) {
            if (!buffer.hasRemaining() && !fill()) {
                if (length == 0) {
                    return null;
                }
                throw new EOFException("the connection ended inside a head");
            }
            if (length == HttpHead.MAX) {
                throw Refusal.malformed("the head is longer than " + (HttpHead.MAX >> 10) + " KiB");
            }
            if (length == head.length) {
                head = Arrays.copyOf(head, head.length * 2);
            }
            byte next = buffer.get();
            head[length++] = next;
            if (next == '\n'
                    && length >= 4
                    && head[length - 2] == '\r'
                    && head[length - 3] == '\n'
                    && head[length - 4] == '\r') {
                return HttpHead.parse(Arrays.copyOf(head, length));
            }
            // A line that ends in another way would make us wait for an end that never comes.
            if (next == '\n' && (length < 2 || head[length - 2] != '\r')) {
                throw Refusal.malformed("a line of the head does not end with CR LF");
            }
        }
    }

    private boolean fill() throws IOException {
        buffer.clear();
        int count = channel.read(buffer);
        buffer.flip();
        return count > 0;
    }

    /** What has come already or comes next; empty at the end. */
    ByteBuffer some() throws IOException {
        if (!buffer.hasRemaining()) {
            boolean _ = fill();
        }
        return buffer;
    }

    /** Hands over the body; a chunked one goes on in chunks of our own writing. EOF before its end is an {@link EOFException}. */
    void body(Framing framing, Sink sink) throws IOException {
        switch (framing) {
            case Framing.Length(long bytes) -> exactly(bytes, sink);
            case Framing.Chunked _ -> chunks(sink);
            case Framing.ToEnd _ -> {
                while (some().hasRemaining()) {
                    sink.accept(buffer);
                }
            }
        }
    }

    private void exactly(long bytes, Sink sink) throws IOException {
        long left = bytes;
        while (left > 0) {
            if (!some().hasRemaining()) {
                throw new EOFException("the body ended early");
            }
            int count = (int) Math.min(left, buffer.remaining());
            sink.accept(buffer.slice(buffer.position(), count));
            buffer.position(buffer.position() + count);
            left -= count;
        }
    }

    private void chunks(Sink sink) throws IOException {
        while (true) {
            String line = chunkLine();
            long size = Long.parseLong(line, 16);
            sink.accept(ascii(Long.toHexString(size) + "\r\n"));
            exactly(size, sink);
            if (!chunkLine(0).isEmpty()) {
                throw new IOException("a chunk, or the last one's trailer, is not as announced");
            }
            sink.accept(ascii("\r\n"));
            if (size == 0) {
                return;
            }
        }
    }

    private String chunkLine() throws IOException {
        String line = chunkLine(MAX_CHUNK_LINE);
        if (!line.matches("[0-9A-Fa-f]{1,15}")) {
            throw new IOException("the size of a chunk is not a hexadecimal number");
        }
        return line;
    }

    private String chunkLine(int most) throws IOException {
        StringBuilder line = new StringBuilder();
        while (true) {
            if (!some().hasRemaining()) {
                throw new EOFException("the body ended early");
            }
            char c = (char) (buffer.get() & 0xff);
            if (c == '\r') {
                if (!some().hasRemaining() || buffer.get() != '\n') {
                    throw new IOException("a line of the body does not end with CR LF");
                }
                return line.toString();
            }
            if (line.length() == most) {
                throw new IOException("a line between chunks is too long");
            }
            line.append(c);
        }
    }

    private static ByteBuffer ascii(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
    }
}
