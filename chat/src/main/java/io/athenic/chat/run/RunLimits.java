package io.athenic.chat.run;

import io.athenic.chat.llm.ModelLimits;
import java.time.Duration;

/**
 * Bounds of one run.
 *
 * @param whole the longest that a run may take
 * @param execution the longest that one execution may take
 * @param executions how often code may be run for one message
 * @param fixes how often failing code may be replaced
 */
public record RunLimits(Duration whole, Duration execution, int executions, int fixes, ModelLimits model) {

    public static final RunLimits DEFAULT =
            new RunLimits(Duration.ofMinutes(10), Duration.ofMinutes(5), 8, 3, ModelLimits.DEFAULT);

    public RunLimits {
        if (!whole.isPositive() || !execution.isPositive()) {
            throw new IllegalArgumentException("whole and execution must be positive: " + whole + ", " + execution);
        }
        if (executions < 1 || fixes < 0) {
            throw new IllegalArgumentException(
                    "executions must be at least 1 and fixes at least 0: " + executions + ", " + fixes);
        }
    }
}
