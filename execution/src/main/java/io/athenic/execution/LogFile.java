package io.athenic.execution;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The file of one segment of a log, written from its beginning to its end. A record is: the event's length (4 bytes), the position of
 * its execution that the event reaches (8 bytes, 0: unknown), the event's JSON.
 *
 * <p>Not a channel: an interrupt of the thread would close it in the middle.
 */
final class LogFile implements AutoCloseable {
    private static final int BUFFER = 1 << 16;
    private static final int HEAD = Integer.BYTES + Long.BYTES;

    private final DataOutputStream out;

    private LogFile(DataOutputStream out) {
        this.out = out;
    }

    static LogFile create(Path target) throws IOException {
        return new LogFile(
                new DataOutputStream(new BufferedOutputStream(new FileOutputStream(target.toFile()), BUFFER)));
    }

    void add(byte[] event, long position) throws IOException {
        out.writeInt(event.length);
        out.writeLong(position);
        out.write(event);
    }

    /** Hands what was added to the operating system: from then on it survives the end of this process, not that of the machine. */
    void flush() throws IOException {
        out.flush();
    }

    @Override
    public void close() throws IOException {
        out.close();
    }

    static Reader read(Path file) throws IOException {
        return new Reader(file);
    }

    /** Cuts off what follows the first {@code length} bytes. */
    static void truncate(Path file, long length) throws IOException {
        try (var open = new RandomAccessFile(file.toFile(), "rw")) {
            open.setLength(length);
        }
    }

    /** Reads records in their order. For one thread. */
    static final class Reader implements AutoCloseable {
        private final DataInputStream in;
        private final long size;
        private long offset;
        private long position;

        private Reader(Path file) throws IOException {
            this.in = new DataInputStream(new BufferedInputStream(new FileInputStream(file.toFile()), BUFFER / 2));
            this.size = file.toFile().length();
        }

        void skip() throws IOException {
            int length = in.readInt();
            in.skipNBytes((long) Long.BYTES + length);
        }

        byte[] next() throws IOException {
            byte[] event = new byte[in.readInt()];
            position = in.readLong();
            in.readFully(event);
            return event;
        }

        /** The next record; null at the end of what was written whole. For a file whose writer may have been cut off. */
        byte @Nullable [] nextWhole() throws IOException {
            try {
                int length = in.readInt();
                if (length < 0 || length > size - offset - HEAD) {
                    return null;
                }
                long reached = in.readLong();
                byte[] event = new byte[length];
                in.readFully(event);
                position = reached;
                offset += HEAD + length;
                return event;
            } catch (EOFException e) {
                return null;
            }
        }

        /** The position of the record that was read last. */
        long position() {
            return position;
        }

        /** Where the last whole record ends. */
        long offset() {
            return offset;
        }

        @Override
        public void close() {
            try {
                in.close();
            } catch (IOException e) {
                // Nothing was written: a file that was only read has nothing to lose.
                return;
            }
        }
    }
}
