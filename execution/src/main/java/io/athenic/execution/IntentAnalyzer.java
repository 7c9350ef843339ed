package io.athenic.execution;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Decides whether a message needs code to run. Implemented by the chat; may block. */
@FunctionalInterface
public interface IntentAnalyzer {
    /**
     * Decides on a message.
     *
     * @param history what was said before, oldest first
     */
    Intent analyze(String message, List<Turn> history);

    /**
     * The decision.
     *
     * @param language absent if no code is needed or it is not known
     * @param code what shall run; absent if the message has none and it is to be written
     * @param reason for people
     */
    record Intent(
            boolean requiresExecution,
            @Nullable String language,
            @Nullable String code,
            String reason) {}

    /**
     * One message of before.
     *
     * @param role {@code user} or {@code assistant}
     */
    record Turn(String role, String content) {}
}
