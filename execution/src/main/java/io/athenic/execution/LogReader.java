package io.athenic.execution;

import io.athenic.execution.ExecutionEvent.Truncated;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** One reader of an {@link EventLog}, at its own place. For one thread; {@link #close()} may be called when that thread is done. */
public final class LogReader implements AutoCloseable {
    private final EventLog log;
    private long next;
    private boolean atEnd;
    private @Nullable SpilledReader spilled;

    LogReader(EventLog log, long next) {
        this.log = log;
        this.next = next;
    }

    /**
     * The next event, waiting for it {@code maxWait} at most.
     *
     * @return null if nothing came in time, or if there is nothing more ({@link #atEnd()})
     */
    public @Nullable LogItem next(Duration maxWait) throws InterruptedException {
        long deadline = System.nanoTime() + StateMachine.bounded(maxWait).toNanos();
        while (true) {
            LogPlace found = find(deadline);
            switch (found) {
                case LogPlace.InMemory event -> {
                    return new LogItem(next++, event.json());
                }
                case LogPlace.Gap gap -> {
                    return gap(gap.firstKept());
                }
                case LogPlace.OnDisk place -> {
                    byte[] json = fromDisk(place);
                    if (json != null) {
                        return new LogItem(next++, json);
                    }
                }
                case LogPlace.End _ -> {
                    atEnd = true;
                    return null;
                }
                case LogPlace.Nothing nothing -> {
                    Long due = nothing.pendingDue();
                    if (due == null || System.nanoTime() - due < 0) {
                        return null;
                    }
                    log.sealDue();
                }
            }
        }
    }

    /** True when the log has ended (or was closed) and all of it was read. */
    public boolean atEnd() {
        return atEnd;
    }

    @Override
    public void close() {
        closeSpilled();
    }

    /** What is at our place, after waiting for it; {@code Nothing} when the deadline passed or output is due to be sealed. */
    @SuppressWarnings("GuardedBy") // the lock is the log's, taken here
    private LogPlace find(long deadline) throws InterruptedException {
        log.lock.lockInterruptibly();
        try {
            while (true) {
                LogPlace found = log.find(next);
                if (!(found instanceof LogPlace.Nothing nothing)) {
                    return found;
                }
                Long due = nothing.pendingDue();
                long now = System.nanoTime();
                long wait = due == null ? deadline - now : Math.min(deadline - now, due - now);
                if (wait <= 0) {
                    return found;
                }
                log.awaitChange(wait);
            }
        } finally {
            log.lock.unlock();
        }
    }

    private LogItem gap(long firstKept) {
        long from = next;
        next = firstKept;
        closeSpilled();
        return new LogItem(firstKept - 1, log.encodeGap(new Truncated(from, firstKept - 1, log.diskFailed())));
    }

    /** The event at our place; null if its file was dropped meanwhile: then the log knows of the gap. */
    private byte @Nullable [] fromDisk(LogPlace.OnDisk place) {
        try {
            SpilledReader reader = spilled;
            if (reader == null || !reader.file.equals(place.file()) || reader.next != next) {
                closeSpilled();
                reader = new SpilledReader(place.file(), place.first());
                spilled = reader;
                reader.skipTo(next);
            }
            return reader.read();
        } catch (IOException e) {
            closeSpilled();
            log.lost(next);
            return null;
        }
    }

    private void closeSpilled() {
        SpilledReader reader = spilled;
        spilled = null;
        if (reader != null) {
            reader.close();
        }
    }

    private static final class SpilledReader implements AutoCloseable {
        private final Path file;
        private final LogFile.Reader in;
        private long next;

        SpilledReader(Path file, long first) throws IOException {
            this.file = file;
            this.next = first;
            this.in = LogFile.read(file);
        }

        void skipTo(long sequence) throws IOException {
            while (next < sequence) {
                in.skip();
                next++;
            }
        }

        byte[] read() throws IOException {
            byte[] json = in.next();
            next++;
            return json;
        }

        @Override
        public void close() {
            in.close();
        }
    }
}
