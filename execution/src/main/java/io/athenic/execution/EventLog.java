package io.athenic.execution;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.athenic.execution.ExecutionEvent.Stderr;
import io.athenic.execution.ExecutionEvent.Stdout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The events of one execution: append-only, numbered densely from 1, read by many, each at its own place.
 *
 * <p>Events are kept in segments. The newest are in memory; a full segment is written to a file; when the files exceed their bound
 * the oldest is deleted, and a reader that needs it gets one {@link ExecutionEvent.Truncated}. Appending waits for the disk at most,
 * never for a reader.
 *
 * <p>Output is lazily coalesced: text waits in {@code pending} for more of the same stream until its window is over or it is full. The
 * next append, or the first reader that waits at the end, makes it an event. So no timer is needed, and text that nobody watches costs
 * the fewest events.
 *
 * <p>Locks: {@code writing} orders the writers (and a reader that seals {@code pending}) and is held during the write of a segment;
 * {@code lock} guards the index, is taken while holding {@code writing} (never the other way round), and is held for memory only.
 */
public final class EventLog implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EventLog.class);

    /** What an ended log keeps in memory: the rest goes to disk, since ended logs are many and seldom read. */
    private static final long ENDED_MEMORY_BYTES = 64 << 10;

    private final String executionId;
    private final Path folder;
    private final LogLimits limits;
    private final InstantSource clock;

    private final ReentrantLock writing = new ReentrantLock();

    @GuardedBy("writing")
    private int files;

    /** Said once for each log. */
    @GuardedBy("writing")
    private boolean diskFailed;

    final ReentrantLock lock = new ReentrantLock();
    final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private final Deque<LogSegment> segments = new ArrayDeque<>();

    @GuardedBy("lock")
    private long nextSequence = 1;

    @GuardedBy("lock")
    private long diskBytes;

    @GuardedBy("lock")
    private @Nullable Pending pending;

    @GuardedBy("lock")
    private boolean ended;

    @GuardedBy("lock")
    private boolean closed;

    /** Output that waits for more. {@code due} is in {@link System#nanoTime()}. */
    private record Pending(boolean isError, Instant time, long due, StringBuilder text) {}

    /**
     * An empty log.
     *
     * @param folder exists; segments are files {@code ID-N.log} in it
     */
    public EventLog(String executionId, Path folder, LogLimits limits, InstantSource clock) {
        this.executionId = executionId;
        this.folder = folder;
        this.limits = limits;
        this.clock = clock;
        segments.add(new LogSegment(1));
    }

    public void stdout(String text) {
        output(false, text);
    }

    public void stderr(String text) {
        output(true, text);
    }

    /** Adds an event behind all output that came before it. False if the log has ended: then it was not added. */
    public boolean append(ExecutionEvent event) {
        writing.lock();
        try {
            sealPending();
            return add(clock.instant(), event);
        } finally {
            writing.unlock();
        }
    }

    /** No event comes after this. Readers that have read all are at the end. */
    public void end() {
        writing.lock();
        try {
            sealPending();
            LogSegment last;
            lock.lock();
            try {
                if (ended) {
                    return;
                }
                ended = true;
                last = segments.getLast();
                changed.signalAll();
            } finally {
                lock.unlock();
            }
            if (last.bytes() > ENDED_MEMORY_BYTES) {
                spill(last);
            }
        } finally {
            writing.unlock();
        }
    }

    /** A reader that begins behind the event {@code after}; 0: with the first. It is for one thread and is to be closed. */
    public LogReader readAfter(long after) {
        if (after < 0) {
            throw new IllegalArgumentException("after is negative: " + after);
        }
        return new LogReader(this, after + 1);
    }

    /** The number of the newest event; 0 if there is none. */
    public long lastSequence() {
        lock.lock();
        try {
            return nextSequence - 1 + (pending == null ? 0 : 1);
        } finally {
            lock.unlock();
        }
    }

    public boolean hasEnded() {
        lock.lock();
        try {
            return ended;
        } finally {
            lock.unlock();
        }
    }

    /** Bytes in memory and on disk. */
    public long bytes() {
        lock.lock();
        try {
            return segments.stream().mapToLong(LogSegment::bytes).sum();
        } finally {
            lock.unlock();
        }
    }

    /** Bytes in memory alone. */
    public long memoryBytes() {
        lock.lock();
        try {
            return bytes() - diskBytes;
        } finally {
            lock.unlock();
        }
    }

    /** Ends the log, deletes its files and releases its readers. */
    @Override
    public void close() {
        end();
        writing.lock();
        try {
            Deque<LogSegment> dropped;
            lock.lock();
            try {
                closed = true;
                dropped = new ArrayDeque<>(segments);
                segments.clear();
                diskBytes = 0;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
            dropped.forEach(EventLog::deleteFile);
        } finally {
            writing.unlock();
        }
    }

    private void output(boolean isError, String text) {
        writing.lock();
        try {
            int from = 0;
            while (from < text.length()) {
                Pending open = openPending(isError);
                int room = limits.eventChars() - open.text().length();
                int to = wholeCharacters(text, from, Math.min(text.length(), from + Math.max(room, 2)));
                lock.lock();
                try {
                    open.text().append(text, from, to);
                } finally {
                    lock.unlock();
                }
                from = to;
                if (open.text().length() >= limits.eventChars() - 1) {
                    sealPending();
                }
            }
            if (limits.coalesce().isZero()) {
                sealPending();
            }
        } finally {
            writing.unlock();
        }
    }

    /** Moves {@code to} back by one if it would cut a surrogate pair. */
    private static int wholeCharacters(String text, int from, int to) {
        boolean cuts = to < text.length() && to - from > 1 && Character.isHighSurrogate(text.charAt(to - 1));
        return cuts ? to - 1 : to;
    }

    @GuardedBy("writing")
    private Pending openPending(boolean isError) {
        long now = System.nanoTime();
        lock.lock();
        try {
            Pending open = pending;
            if (open != null && open.isError() == isError && now < open.due()) {
                return open;
            }
        } finally {
            lock.unlock();
        }
        sealPending();
        Pending fresh =
                new Pending(isError, clock.instant(), now + limits.coalesce().toNanos(), new StringBuilder());
        lock.lock();
        try {
            pending = fresh;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        return fresh;
    }

    @GuardedBy("writing")
    private void sealPending() {
        Pending open;
        lock.lock();
        try {
            open = pending;
        } finally {
            lock.unlock();
        }
        if (open != null) {
            String text = open.text().toString();
            add(open.time(), open.isError() ? new Stderr(text) : new Stdout(text));
        }
    }

    /** Preconditions: {@code pending} is either empty or what is being added. */
    @GuardedBy("writing")
    private boolean add(Instant time, ExecutionEvent event) {
        long sequence;
        lock.lock();
        try {
            if (ended) {
                pending = null;
                return false;
            }
            sequence = nextSequence;
        } finally {
            lock.unlock();
        }
        byte[] json = EventCodec.encode(executionId, sequence, time, event);
        LogSegment full = null;
        lock.lock();
        try {
            pending = null;
            LogSegment active = segments.getLast();
            active.add(json);
            nextSequence++;
            if (active.bytes() >= limits.segmentBytes()) {
                full = active;
                segments.addLast(new LogSegment(nextSequence));
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (full != null) {
            spill(full);
        }
        return true;
    }

    @GuardedBy("writing")
    private void spill(LogSegment segment) {
        Path target = folder.resolve(executionId + "-" + files++ + ".log");
        Deque<LogSegment> dropped = new ArrayDeque<>();
        try {
            segment.writeTo(target);
            lock.lock();
            try {
                segment.spilled(target);
                diskBytes += segment.bytes();
                while (diskBytes > limits.diskBytes() && segments.getFirst().file() != null) {
                    LogSegment oldest = segments.removeFirst();
                    diskBytes -= oldest.bytes();
                    dropped.add(oldest);
                }
                if (segments.isEmpty()) {
                    segments.add(new LogSegment(nextSequence));
                }
            } finally {
                lock.unlock();
            }
        } catch (IOException e) {
            // A full disk must not grow the memory instead: what cannot be kept is dropped, and readers are told by the
            // gap.
            if (!diskFailed) {
                diskFailed = true;
                LOG.warn("execution {}: output cannot be kept on disk and is dropped: {}", executionId, e.toString());
            }
            dropSegment(segment);
            deletePath(target);
        }
        dropped.forEach(EventLog::deleteFile);
    }

    /** What is older than a lost segment goes too: a log has one gap, at its beginning. */
    @GuardedBy("writing")
    private void dropSegment(LogSegment segment) {
        Deque<LogSegment> dropped = new ArrayDeque<>();
        lock.lock();
        try {
            while (!segments.isEmpty() && segments.getFirst().first <= segment.first) {
                LogSegment oldest = segments.removeFirst();
                diskBytes -= oldest.file() == null ? 0 : oldest.bytes();
                dropped.add(oldest);
            }
            if (segments.isEmpty()) {
                segments.add(new LogSegment(nextSequence));
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        dropped.forEach(EventLog::deleteFile);
    }

    private static void deleteFile(LogSegment segment) {
        Path file = segment.file();
        if (file != null) {
            deletePath(file);
        }
    }

    private static void deletePath(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.warn("could not delete {}: {}", file, e.toString());
        }
    }

    /** What a reader finds at its place. */
    sealed interface Found {
        /** The event, in memory. */
        @SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
        record Event(byte[] json) implements Found {}

        record OnDisk(Path file, long first) implements Found {}

        /** Events before {@code firstKept} are gone. */
        record Gap(long firstKept) implements Found {}

        /** Nothing yet; {@code pendingDue}: when waiting output may be sealed, in nanoTime; absent if there is none. */
        record Nothing(@Nullable Long pendingDue) implements Found {}

        record End() implements Found {}
    }

    /** Preconditions: the caller holds {@link #lock}. */
    @GuardedBy("lock")
    Found find(long sequence) {
        if (closed) {
            return new Found.End();
        }
        long firstKept = segments.getFirst().first;
        if (sequence < firstKept) {
            return new Found.Gap(firstKept);
        }
        if (sequence < nextSequence) {
            LogSegment segment = segmentOf(sequence);
            Path file = segment.file();
            return file == null ? new Found.Event(segment.event(sequence)) : new Found.OnDisk(file, segment.first);
        }
        Pending open = pending;
        if (open != null) {
            return new Found.Nothing(open.due());
        }
        return ended ? new Found.End() : new Found.Nothing(null);
    }

    @GuardedBy("lock")
    private LogSegment segmentOf(long sequence) {
        for (LogSegment segment : segments) {
            if (segment.contains(sequence)) {
                return segment;
            }
        }
        throw new IllegalStateException("no segment holds event " + sequence);
    }

    /** Makes an event of the output that waits, if its window is over. For readers at the end of the log. */
    void sealDue() {
        writing.lock();
        try {
            boolean due;
            lock.lock();
            try {
                Pending open = pending;
                due = open != null && System.nanoTime() - open.due() >= 0;
            } finally {
                lock.unlock();
            }
            if (due) {
                sealPending();
            }
        } finally {
            writing.unlock();
        }
    }

    byte[] encodeGap(ExecutionEvent.Truncated gap) {
        return EventCodec.encode(executionId, gap.to(), clock.instant(), gap);
    }

    /** The file that holds this event cannot be read: what it holds is given up. Nothing to do if it was dropped meanwhile. */
    void lost(long sequence) {
        writing.lock();
        try {
            LogSegment segment = null;
            lock.lock();
            try {
                for (LogSegment candidate : segments) {
                    if (candidate.contains(sequence) && candidate.file() != null) {
                        segment = candidate;
                    }
                }
            } finally {
                lock.unlock();
            }
            if (segment != null) {
                LOG.warn("execution {}: kept output could not be read and is dropped", executionId);
                dropSegment(segment);
            }
        } finally {
            writing.unlock();
        }
    }

    /** Waits for a change, {@code nanos} at most. Preconditions: the caller holds {@link #lock}. */
    @GuardedBy("lock")
    @SuppressWarnings("WaitNotInLoop") // the reader's loop looks again
    void awaitChange(long nanos) throws InterruptedException {
        long ignored = changed.awaitNanos(Math.min(nanos, TimeUnit.MINUTES.toNanos(1)));
    }
}
