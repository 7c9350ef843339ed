package io.athenic.execution;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.athenic.execution.ExecutionEvent.Stderr;
import io.athenic.execution.ExecutionEvent.Stdout;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
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
 * <p>A durable log is written to its file before a reader sees it, and can be opened again by {@link #recover} after the end of the process.
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

    /** Null: not durable. Readers do not need it. */
    @GuardedBy("writing")
    private @Nullable LogWriter writer;

    private final ReentrantLock writing = new ReentrantLock();

    @GuardedBy("writing")
    private int files;

    /** Said once for each log. */
    private volatile boolean diskFailed;

    final ReentrantLock lock = new ReentrantLock();
    final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private final LogIndex index;

    @GuardedBy("lock")
    private @Nullable Pending pending;

    @GuardedBy("lock")
    private boolean ended;

    @GuardedBy("lock")
    private boolean closed;

    /** Output that waits for more. {@code due} is in {@link System#nanoTime()}, {@code position} is that of the newest part. */
    private record Pending(boolean isError, Instant time, long due, StringBuilder text, AtomicLong position) {
        Pending(boolean isError, Instant time, long due) {
            this(isError, time, due, new StringBuilder(), new AtomicLong());
        }
    }

    /**
     * An empty log.
     *
     * @param folder exists; segments are files {@code ID-N.log} in it
     */
    public EventLog(String executionId, Path folder, LogLimits limits, InstantSource clock) {
        this(executionId, folder, limits, clock, new LogIndex(limits), null, 0);
    }

    private EventLog(
            String executionId,
            Path folder,
            LogLimits limits,
            InstantSource clock,
            LogIndex index,
            @Nullable LogWriter writer,
            int files) {
        this.executionId = executionId;
        this.folder = folder;
        this.limits = limits;
        this.clock = clock;
        this.index = index;
        this.writer = writer;
        this.files = files;
    }

    /** An empty log that {@link #recover} can open again. */
    static EventLog durable(String executionId, Path folder, LogLimits limits, InstantSource clock) {
        return new EventLog(executionId, folder, limits, clock, new LogIndex(limits), new LogWriter(0), 0);
    }

    /** The durable log of an earlier life, as far as it was written; it goes on where that ended. */
    static EventLog recover(String executionId, Path folder, LogLimits limits, InstantSource clock) {
        LogRecovery found = LogRecovery.of(executionId, folder);
        var writer = new LogWriter(found.position());
        var index = new LogIndex(limits, found.segments());
        return new EventLog(executionId, folder, limits, clock, index, writer, found.nextFile());
    }

    public void stdout(String text) {
        output(false, text, 0);
    }

    public void stderr(String text) {
        output(true, text, 0);
    }

    /** Output that reaches {@code position} of its execution. */
    void output(ExecutionEvent.Stream stream, String text, long position) {
        output(stream == ExecutionEvent.Stream.STDERR, text, position);
    }

    /** Adds an event behind all output that came before it. False if the log has ended: then it was not added. */
    public boolean append(ExecutionEvent event) {
        return append(event, 0);
    }

    /** As {@link #append(ExecutionEvent)}; the event reaches {@code position} of its execution. */
    boolean append(ExecutionEvent event, long position) {
        writing.lock();
        try {
            sealPending();
            return add(clock.instant(), event, position);
        } finally {
            writing.unlock();
        }
    }

    /** Makes an event of the output that waits; the position that is safe from the end of this process then, 0 if none is. */
    long checkpoint() {
        writing.lock();
        try {
            sealPending();
            return position();
        } finally {
            writing.unlock();
        }
    }

    /** The position that the log has reached: its execution is to be followed after it. */
    long position() {
        writing.lock();
        try {
            return writer == null ? 0 : writer.position();
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
                last = index.last();
                changed.signalAll();
            } finally {
                lock.unlock();
            }
            if (writer != null) {
                closeFile(last);
            } else if (last.bytes() > ENDED_MEMORY_BYTES) {
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
            return index.nextSequence() - 1 + (pending == null ? 0 : 1);
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
            return index.bytes();
        } finally {
            lock.unlock();
        }
    }

    /** Bytes in memory alone. */
    public long memoryBytes() {
        lock.lock();
        try {
            return index.memoryBytes();
        } finally {
            lock.unlock();
        }
    }

    /** Releases the readers and leaves the files as they are, for {@link #recover}. */
    void leave() {
        writing.lock();
        try {
            sealPending();
            if (writer != null) {
                writer.close();
                writer = null;
            }
            lock.lock();
            try {
                ended = true;
                closed = true;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        } finally {
            writing.unlock();
        }
    }

    /** Ends the log, deletes its files and releases its readers. */
    @Override
    public void close() {
        end();
        writing.lock();
        try {
            List<LogSegment> dropped;
            lock.lock();
            try {
                closed = true;
                dropped = index.clear();
                changed.signalAll();
            } finally {
                lock.unlock();
            }
            dropped.forEach(LogSegment::deleteFile);
        } finally {
            writing.unlock();
        }
    }

    /** Text with a position is bounded by its sender and stays whole: a part of it would have no position to go on from. */
    private void output(boolean isError, String text, long position) {
        writing.lock();
        try {
            int from = 0;
            while (from < text.length()) {
                Pending open = openPending(isError);
                int room = position > 0
                        ? text.length()
                        : limits.eventChars() - open.text().length();
                int to = wholeCharacters(text, from, Math.min(text.length(), from + Math.max(room, 2)));
                lock.lock();
                try {
                    open.text().append(text, from, to);
                    open.position().set(position);
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
                new Pending(isError, clock.instant(), now + limits.coalesce().toNanos());
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
            long reached = open.position().get();
            add(open.time(), open.isError() ? new Stderr(text) : new Stdout(text), reached);
        }
    }

    /** Preconditions: {@code pending} is either empty or what is being added. */
    @GuardedBy("writing")
    private boolean add(Instant time, ExecutionEvent event, long position) {
        long sequence;
        lock.lock();
        try {
            if (ended) {
                pending = null;
                return false;
            }
            sequence = index.nextSequence();
        } finally {
            lock.unlock();
        }
        byte[] json = EventCodec.encode(executionId, sequence, time, event);
        write(json, position);
        LogSegment full;
        lock.lock();
        try {
            pending = null;
            full = index.add(json);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (full != null && writer != null) {
            closeFile(full);
        } else if (full != null) {
            spill(full);
        }
        return true;
    }

    @GuardedBy("writing")
    private void write(byte[] json, long position) {
        LogWriter open = writer;
        if (open == null) {
            return;
        }
        try {
            if (!open.isOpen()) {
                open.open(file(files++));
            }
            open.add(json, position);
        } catch (IOException e) {
            notDurable(open, e);
        }
    }

    /** A full disk must not end the execution: it goes on in memory and is lost with the process. */
    @GuardedBy("writing")
    private void notDurable(LogWriter failed, IOException cause) {
        LOG.warn(
                "execution {}: its log cannot be written and will not survive a restart: {}",
                executionId,
                cause.toString());
        failed.discard();
        writer = null;
    }

    /** The segment is complete, and in its file already. */
    @GuardedBy("writing")
    private void closeFile(LogSegment segment) {
        LogWriter open = writer;
        if (open == null || !open.isOpen()) {
            return;
        }
        Path target;
        try {
            target = open.finish();
        } catch (IOException e) {
            notDurable(open, e);
            return;
        }
        inFile(segment, target);
    }

    private Path file(int number) {
        return folder.resolve(executionId + "-" + number + ".log");
    }

    @GuardedBy("writing")
    private void spill(LogSegment segment) {
        Path target = file(files++);
        try {
            segment.writeTo(target);
        } catch (IOException e) {
            // A full disk must not grow the memory instead: what cannot be kept is dropped, and readers are told.
            if (!diskFailed) {
                diskFailed = true;
                LOG.warn("execution {}: output cannot be kept on disk and is dropped: {}", executionId, e.toString());
            }
            LogSegment.delete(target);
            drop(segment);
            return;
        }
        inFile(segment, target);
    }

    /** The segment's memory is given back, and the oldest files where there are too many. */
    @GuardedBy("writing")
    private void inFile(LogSegment segment, Path target) {
        List<LogSegment> dropped;
        lock.lock();
        try {
            dropped = index.spilled(segment, target);
        } finally {
            lock.unlock();
        }
        dropped.forEach(LogSegment::deleteFile);
    }

    @GuardedBy("writing")
    private void drop(LogSegment lost) {
        List<LogSegment> dropped;
        lock.lock();
        try {
            dropped = index.dropThrough(lost);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        dropped.forEach(LogSegment::deleteFile);
    }

    /** Preconditions: the caller holds {@link #lock}. */
    @GuardedBy("lock")
    LogPlace find(long sequence) {
        if (closed) {
            return new LogPlace.End();
        }
        if (sequence < index.firstKept()) {
            return new LogPlace.Gap(index.firstKept());
        }
        LogSegment segment = index.segmentOf(sequence);
        if (segment != null) {
            Path file = segment.file();
            return file == null
                    ? new LogPlace.InMemory(segment.event(sequence))
                    : new LogPlace.OnDisk(file, segment.first);
        }
        Pending open = pending;
        if (open != null) {
            return new LogPlace.Nothing(open.due());
        }
        return ended ? new LogPlace.End() : new LogPlace.Nothing(null);
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

    /** Whether there was no room on the disk for what memory does not hold. */
    boolean diskFailed() {
        return diskFailed;
    }

    byte[] encodeGap(ExecutionEvent.Truncated gap) {
        return EventCodec.encode(executionId, gap.to(), clock.instant(), gap);
    }

    /** The file that holds this event cannot be read: what it holds is given up. Nothing to do if it was dropped meanwhile. */
    void lost(long sequence) {
        writing.lock();
        try {
            LogSegment segment;
            lock.lock();
            try {
                segment = index.segmentOf(sequence);
            } finally {
                lock.unlock();
            }
            if (segment != null && segment.file() != null) {
                LOG.warn("execution {}: kept output could not be read and is dropped", executionId);
                drop(segment);
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
