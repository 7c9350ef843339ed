package io.athenic.execution;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How an execution went, in bounds: long output without its middle, results up to 16 MiB.
 *
 * @param message of the last status, for people
 * @param stdout in chunks, as it came
 * @param failure what the program, or the sandbox, failed with
 * @param executionCount 0 if unknown
 * @param whole whether nothing was left out
 */
public record ExecutionOutcome(
        ExecutionStatus status,
        String message,
        List<JsonNode> results,
        List<String> stdout,
        List<String> stderr,
        ExecutionEvent.@Nullable Failed failure,
        int executionCount,
        Duration duration,
        boolean whole) {
    private static final long MAX_RESULT_BYTES = 16L << 20;

    public ExecutionOutcome {
        results = List.copyOf(results);
        stdout = List.copyOf(stdout);
        stderr = List.copyOf(stderr);
    }

    /** Everything of stdout that is kept, as one text. */
    public String stdoutText() {
        return String.join("", stdout);
    }

    public String stderrText() {
        return String.join("", stderr);
    }

    static ExecutionOutcome of(Execution execution, int maxOutput) throws InterruptedException {
        var stdout = new HeadTail(maxOutput);
        var stderr = new HeadTail(maxOutput);
        var results = new ResultList(MAX_RESULT_BYTES);
        ExecutionEvent.Failed failure = null;
        String message = "";
        String rest = "the rest is at /executions/" + execution.id() + "/output";
        try (LogReader reader = execution.log().readAfter(0)) {
            for (LogItem item = reader.next(Duration.ZERO); item != null; item = reader.next(Duration.ZERO)) {
                switch (item.event()) {
                    case ExecutionEvent.Stdout out -> stdout.add(out.text());
                    case ExecutionEvent.Stderr err -> stderr.add(err.text());
                    case ExecutionEvent.Result result -> results.add(item.sequence(), result.data());
                    case ExecutionEvent.Failed failed -> failure = failed;
                    case ExecutionEvent.Status status -> message = status.message();
                    case ExecutionEvent.Summary ignored -> {}
                    case ExecutionEvent.Truncated gap -> {
                        rest = gap.noSpace() ? gap.why() : rest;
                        stdout.addGap();
                        stderr.addGap();
                    }
                }
            }
        }
        return new ExecutionOutcome(
                execution.status(),
                message,
                results.toList(),
                stdout.chunks(rest),
                stderr.chunks(rest),
                failure,
                execution.executionCount(),
                execution.duration(),
                stdout.isWhole() && stderr.isWhole() && results.isWhole());
    }
}
