package io.athenic.engine;

import org.jspecify.annotations.Nullable;

/** What happens to a process, in order: started, its output, ended. */
@SuppressWarnings("ArrayRecordComponent") // the bytes are handed on, never compared
public sealed interface ProcessEvent {
    record Started(int pid) implements ProcessEvent {}

    record Stdout(byte[] bytes) implements ProcessEvent {}

    record Stderr(byte[] bytes) implements ProcessEvent {}

    record Pty(byte[] bytes) implements ProcessEvent {}

    /**
     * The last event.
     *
     * @param exitCode -1 when a signal ended it
     * @param exited whether it ended by itself
     * @param status such as {@code exit status 1} or {@code signal: killed}
     * @param error null for a good end
     */
    record Ended(
            int exitCode,
            boolean exited,
            String status,
            @Nullable String error) implements ProcessEvent {}
}
