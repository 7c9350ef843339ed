package io.athenic.execution;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Writes the events of a durable log as they come, each before a reader sees it. Guarded by the log's lock for writers. */
final class LogWriter {
    private long position;
    private @Nullable Path path;
    private @Nullable LogFile file;

    LogWriter(long position) {
        this.position = position;
    }

    boolean isOpen() {
        return file != null;
    }

    void open(Path target) throws IOException {
        file = LogFile.create(target);
        path = target;
    }

    /** Preconditions: open. */
    void add(byte[] json, long reached) throws IOException {
        LogFile open = Objects.requireNonNull(file);
        position = Math.max(position, reached);
        open.add(json, position);
        open.flush();
    }

    /** The newest position that is in a file. */
    long position() {
        return position;
    }

    /** Closes the file, which is complete, and says which it is. Preconditions: open. */
    Path finish() throws IOException {
        Objects.requireNonNull(file).close();
        file = null;
        return Objects.requireNonNull(path);
    }

    /** Closes the file where it is. */
    void close() {
        LogFile open = file;
        file = null;
        if (open != null) {
            try {
                open.close();
            } catch (IOException e) {
                // Every record was flushed as it came: what could not be written has been told then.
                return;
            }
        }
    }

    /** Deletes the file that is being written. */
    void discard() {
        Path written = path;
        close();
        if (written != null) {
            LogSegment.delete(written);
        }
    }
}
