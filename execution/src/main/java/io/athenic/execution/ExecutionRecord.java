package io.athenic.execution;

import java.io.UncheckedIOException;
import java.time.DateTimeException;
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

    /** As it ended by its log, where the process was killed between the log's last event and this record of it. */
    ExecutionRecord asEnded(EventLog log) {
        if (ExecutionStatus.fromWire(status).isFinal() || log.lastSequence() == 0) {
            return this;
        }
        try (LogReader reader = log.readAfter(log.lastSequence() - 1)) {
            LogItem last = reader.next(Duration.ZERO);
            if (last != null
                    && last.event() instanceof ExecutionEvent.Status end
                    && end.status().isFinal()) {
                return ended(end.status(), EventCodec.time(last.json()));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (UncheckedIOException | IllegalArgumentException | DateTimeException e) {
            return this; // what cannot be read is no end
        }
        return this;
    }

    private ExecutionRecord ended(ExecutionStatus last, Instant at) {
        return new ExecutionRecord(
                id,
                ordinal,
                code,
                language,
                timeoutMillis,
                wantedSandboxId,
                clientId,
                keepSandbox,
                sandboxId,
                last.wire(),
                executionCount,
                startedAt,
                runningSince,
                at.toEpochMilli());
    }

    /** @throws ApiException what was written is no request */
    ExecutionRequest request() {
        return new ExecutionRequest(
                code, language, Duration.ofMillis(timeoutMillis), wantedSandboxId, clientId, keepSandbox);
    }
}
