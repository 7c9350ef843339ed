package io.athenic.execution;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What is written down of a durable execution, to find it again after the end of the process. Instants in milliseconds since the epoch.
 *
 * @param sandboxId where it runs
 * @param wantedSandboxId the sandbox that was asked for; absent: a fresh one
 * @param status name on the wire
 * @param runningSince absent: its code was not yet given to the sandbox
 * @param endedAt absent: it runs
 */
record ExecutionRecord(
        String id,
        long ordinal,
        String code,
        String language,
        long timeoutMillis,
        @Nullable String wantedSandboxId,
        String clientId,
        boolean keepSandbox,
        String sandboxId,
        String status,
        int executionCount,
        long startedAt,
        @Nullable Long runningSince,
        @Nullable Long endedAt) {

    /** Preconditions: the execution has a client and a sandbox. */
    static ExecutionRecord of(Execution execution) {
        ExecutionRequest request = execution.request();
        return new ExecutionRecord(
                execution.id(),
                execution.ordinal(),
                request.code(),
                request.language(),
                request.timeout().toMillis(),
                request.sandboxId(),
                execution.clientId().orElseThrow(),
                request.keepSandbox(),
                execution.sandboxId().orElseThrow(),
                execution.status().wire(),
                execution.executionCount(),
                execution.startedAt().toEpochMilli(),
                execution.runningSince().map(Instant::toEpochMilli).orElse(null),
                execution.endedAt().map(Instant::toEpochMilli).orElse(null));
    }

    /** @throws ApiException what was written is no request */
    ExecutionRequest request() {
        return new ExecutionRequest(
                code, language, Duration.ofMillis(timeoutMillis), wantedSandboxId, clientId, keepSandbox);
    }
}
