package io.athenic.execution;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** One item of an execution's stream: what the WebSocket sends as JSON (docs/PROTOCOL.md, section 6). */
public sealed interface ExecutionEvent {
    /** Where output comes from. */
    enum Stream {
        STDOUT,
        STDERR
    }

    record Status(
            ExecutionStatus status,
            String message,
            @Nullable String sandboxId,
            @Nullable Duration duration) implements ExecutionEvent {}

    /** A chunk of the program's stdout, not a line. */
    record Stdout(String text) implements ExecutionEvent {}

    record Stderr(String text) implements ExecutionEvent {}

    /** One result of the code interpreter: {@code is_main_result} and its formats by name. */
    record Result(JsonNode data) implements ExecutionEvent {}

    /** The last result before {@code completed}: {@code message}, {@code duration} (ms), {@code results}. */
    record Summary(JsonNode data, Duration duration) implements ExecutionEvent {}

    /** A failed program has name, value and traceback; a failed sandbox has the text alone. */
    record Failed(
            String error,
            @Nullable String name,
            @Nullable String value,
            @Nullable String traceback) implements ExecutionEvent {}

    /** The events {@code from} to {@code to} (both included) are no longer kept; {@code noSpace}: for want of space on the disk. */
    record Truncated(long from, long to, boolean noSpace) implements ExecutionEvent {
        /** For people. */
        String why() {
            return noSpace
                    ? "the disk of the data folder is full: free space on it and run the code again"
                    : "more came than the log of an execution keeps";
        }
    }
}
