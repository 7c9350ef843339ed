package io.athenic.execution;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A run of consecutive events: in memory first, in a file of its own later, so that dropping the oldest output is deleting a file.
 * All fields are guarded by the lock of the log that owns the segment; the list is only added to, by the one writer.
 */
final class LogSegment {
    private static final Logger LOG = LoggerFactory.getLogger(LogSegment.class);

    /** Memory that an event costs besides its bytes, so that many tiny events are counted as what they are. */
    private static final int OVERHEAD = 32;

    final long first;
    private final List<byte[]> events = new ArrayList<>();
    private int count;
    private long bytes;
    private @Nullable Path file;

    LogSegment(long first) {
        this.first = first;
    }

    /** A segment of an earlier life, which is in its file alone. */
    LogSegment(long first, int count, long eventBytes, Path file) {
        this.first = first;
        this.count = count;
        this.bytes = eventBytes + (long) count * OVERHEAD;
        this.file = file;
    }

    void add(byte[] event) {
        events.add(event);
        count++;
        bytes += event.length + OVERHEAD;
    }

    /** First sequence after this segment. */
    long end() {
        return first + count;
    }

    long bytes() {
        return bytes;
    }

    boolean contains(long sequence) {
        return sequence >= first && sequence < end();
    }

    @Nullable
    Path file() {
        return file;
    }

    byte[] event(long sequence) {
        return events.get((int) (sequence - first));
    }

    /** Preconditions: the segment is full, nobody adds to it any more. Needs no lock: it only reads. */
    void writeTo(Path target) throws IOException {
        try (var out = LogFile.create(target)) {
            for (byte[] event : events) {
                out.add(event, 0);
            }
        }
    }

    void spilled(Path target) {
        file = target;
        events.clear();
    }

    void deleteFile() {
        if (file != null) {
            delete(file);
        }
    }

    static void delete(Path target) {
        try {
            Files.deleteIfExists(target);
        } catch (IOException e) {
            LOG.warn("could not delete {}: {}", target, e.toString());
        }
    }
}
