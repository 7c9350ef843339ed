package io.athenic.e2b;

import io.athenic.e2b.protocol.CodeEvent;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Code that has run.
 *
 * @param failure what the program failed with; absent: it did not
 * @param executionCount how many the context has run with this
 */
public record Execution(
        List<CodeEvent.Result> results, Logs logs, CodeEvent.@Nullable Failed failure, int executionCount) {
    /** Output in chunks, as it came. */
    public record Logs(List<String> stdout, List<String> stderr) {
        public Logs {
            stdout = List.copyOf(stdout);
            stderr = List.copyOf(stderr);
        }
    }

    public Execution {
        results = List.copyOf(results);
    }

    public Optional<CodeEvent.Failed> error() {
        return Optional.ofNullable(failure);
    }

    /** The text of the main result, that is: the value of the last expression. */
    public Optional<String> text() {
        return results.stream()
                .filter(CodeEvent.Result::main)
                .map(result -> result.formats().path("text").asText(""))
                .findFirst();
    }
}
