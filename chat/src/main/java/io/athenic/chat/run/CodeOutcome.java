package io.athenic.chat.run;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What came of one execution, bounded.
 *
 * @param status the wire name of the execution's final status: completed, error, cancelled, timeout
 * @param stdout the end of what was printed
 * @param results formats and their values (base64 for images), in order
 * @param failure null when the code did not fail
 */
public record CodeOutcome(
        String status,
        Duration duration,
        String stdout,
        String stderr,
        List<Map<String, String>> results,
        @Nullable Failure failure) {

    public CodeOutcome {
        results = List.copyOf(results);
    }

    /** The program's own error, or why it could not run. */
    public record Failure(String name, String value, String traceback) {
        /** {@code name: value}, or the one that there is. */
        public String line() {
            if (name.isBlank()) {
                return value;
            }
            return value.isBlank() ? name : name + ": " + value;
        }
    }

    /** True when the code ran to its end without an error. */
    public boolean succeeded() {
        return status.equals("completed") && failure == null;
    }

    /** True when somebody stopped it. */
    public boolean cancelled() {
        return status.equals("cancelled");
    }
}
