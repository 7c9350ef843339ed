package io.athenic.execution;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What a reader finds at its place of a log. */
sealed interface LogPlace {
    @SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
    record InMemory(byte[] json) implements LogPlace {}

    /**
     * The event is in a file.
     *
     * @param first sequence of the file's first event
     */
    record OnDisk(Path file, long first) implements LogPlace {}

    /** What comes before {@code firstKept} is gone. */
    record Gap(long firstKept) implements LogPlace {}

    /** Nothing yet; {@code pendingDue}: when waiting output may be made an event, in nanoTime; absent if there is none. */
    record Nothing(@Nullable Long pendingDue) implements LogPlace {}

    record End() implements LogPlace {}
}
