package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;

/** What happens in one execution, in the true order: accepted, then any of the others, finished last. */
public sealed interface KernelEvent {
    /** The kernel has begun to run the code. */
    record Accepted(int executionCount) implements KernelEvent {}

    record Stdout(String text) implements KernelEvent {}

    record Stderr(String text) implements KernelEvent {}

    /**
     * A value shown.
     *
     * @param main whether it is the value of the last expression
     * @param formats a JSON object of formats, {@code text}, {@code png}, ... (docs/PROTOCOL.md, section 4)
     */
    record Result(boolean main, JsonNode formats) implements KernelEvent {}

    /** The code failed or its kernel died; at most one of an execution. */
    record Failed(String name, String value, String traceback) implements KernelEvent {}

    record Finished() implements KernelEvent {}
}
