package io.athenic.execution;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which events of a log are kept, and where: consecutive segments, the last of which is being filled. For one thread at a time: the lock
 * of the log guards it. Does no I/O: what it drops is given to the caller, whose files are to be deleted.
 */
final class LogIndex {
    private final long segmentBytes;
    private final long maxDiskBytes;
    private final Deque<LogSegment> segments = new ArrayDeque<>();
    private long nextSequence = 1;
    private long bytes;
    private long diskBytes;

    LogIndex(LogLimits limits) {
        segmentBytes = limits.segmentBytes();
        maxDiskBytes = limits.diskBytes();
        segments.add(new LogSegment(1));
    }

    /** Of an earlier life: consecutive segments, all in files. */
    LogIndex(LogLimits limits, List<LogSegment> written) {
        segmentBytes = limits.segmentBytes();
        maxDiskBytes = limits.diskBytes();
        for (LogSegment segment : written) {
            segments.add(segment);
            nextSequence = segment.end();
            bytes += segment.bytes();
        }
        diskBytes = bytes;
        segments.add(new LogSegment(nextSequence));
    }

    long nextSequence() {
        return nextSequence;
    }

    long firstKept() {
        return segments.getFirst().first;
    }

    /** In memory and on disk. */
    long bytes() {
        return bytes;
    }

    long memoryBytes() {
        return bytes - diskBytes;
    }

    LogSegment last() {
        return segments.getLast();
    }

    /** Adds an event; the segment that is full by it, and is to be written to disk. */
    @Nullable
    LogSegment add(byte[] event) {
        LogSegment active = segments.getLast();
        long before = active.bytes();
        active.add(event);
        bytes += active.bytes() - before;
        nextSequence++;
        if (active.bytes() < segmentBytes) {
            return null;
        }
        segments.addLast(new LogSegment(nextSequence));
        return active;
    }

    /** Where an event is; null: it is not kept, or has not come yet. */
    @Nullable
    LogSegment segmentOf(long sequence) {
        if (sequence >= nextSequence || sequence < firstKept()) {
            return null;
        }
        LogSegment active = segments.getLast();
        if (sequence >= active.first) {
            return active;
        }
        for (LogSegment segment : segments) {
            if (segment.contains(sequence)) {
                return segment;
            }
        }
        return null;
    }

    /** The segment is in a file now; the oldest ones that are dropped for it. */
    List<LogSegment> spilled(LogSegment segment, Path file) {
        segment.spilled(file);
        diskBytes += segment.bytes();
        List<LogSegment> dropped = new ArrayList<>();
        while (diskBytes > maxDiskBytes && segments.getFirst().file() != null) {
            dropped.add(dropFirst());
        }
        return dropped;
    }

    /** Drops a segment that is lost, and what is older: a log has one gap, at its beginning. */
    List<LogSegment> dropThrough(LogSegment lost) {
        List<LogSegment> dropped = new ArrayList<>();
        while (segments.getFirst().first < nextSequence && segments.getFirst().first <= lost.first) {
            dropped.add(dropFirst());
        }
        return dropped;
    }

    /** Drops all. */
    List<LogSegment> clear() {
        return dropThrough(segments.getLast());
    }

    private LogSegment dropFirst() {
        LogSegment oldest = segments.removeFirst();
        bytes -= oldest.bytes();
        diskBytes -= oldest.file() == null ? 0 : oldest.bytes();
        if (segments.isEmpty()) {
            segments.add(new LogSegment(nextSequence));
        }
        return oldest;
    }
}
