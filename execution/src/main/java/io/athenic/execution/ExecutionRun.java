package io.athenic.execution;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.e2b.CodeExecution;
import io.athenic.e2b.ExecuteOptions;
import io.athenic.e2b.Sandbox;
import io.athenic.e2b.SandboxException;
import io.athenic.e2b.SandboxNotFoundException;
import io.athenic.e2b.protocol.CodeEvent;
import io.athenic.execution.Execution.StopReason;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Runs one execution in its sandbox, from its turn to its end. For one virtual thread. */
final class ExecutionRun {
    /** How long an execution waits for those before it in the same sandbox. */
    static final Duration LONGEST_WAIT = Duration.ofMinutes(10);

    /** Results that are repeated in the last message. */
    private static final long SUMMARY_RESULT_BYTES = 1 << 20;

    private final Execution execution;
    private final Sandbox sandbox;
    private final boolean sandboxStays;
    private final ContextTurns turns;
    private final Stopper stopper;
    private final ResultList results = new ResultList(SUMMARY_RESULT_BYTES);
    private ExecutionEvent.@Nullable Failed failure;

    /** @param sandboxStays whether its state is to be saved when the code is stopped */
    ExecutionRun(Execution execution, Sandbox sandbox, boolean sandboxStays, ContextTurns turns, Stopper stopper) {
        this.execution = execution;
        this.sandbox = sandbox;
        this.sandboxStays = sandboxStays;
        this.turns = turns;
        this.stopper = stopper;
    }

    /** Always ends the execution. */
    void run() {
        ContextTurns.Turn turn = null;
        try {
            turn = takeTurn();
            if (turn == null) {
                endStopped("it had not begun");
                return;
            }
            runCode();
        } catch (SandboxNotFoundException e) {
            fail("The sandbox died: " + e.getMessage() + ". Its files and variables are lost; run the code again for a"
                    + " fresh sandbox.");
        } catch (SandboxException e) {
            fail("The code could not be run to its end: " + e.getMessage());
        } finally {
            if (turn != null) {
                turn.close();
            }
        }
    }

    private ContextTurns.@Nullable Turn takeTurn() {
        if (turns.isBusy(sandbox.id(), execution.language())) {
            execution.moveTo(ExecutionStatus.QUEUED, "Waiting for the execution before it in this sandbox");
        }
        return execution.unlessStopped(() -> turns.take(sandbox.id(), execution.language(), LONGEST_WAIT));
    }

    private void runCode() {
        execution.moveTo(ExecutionStatus.RUNNING, "Running");
        Duration timeout = execution.request().timeout();
        Thread deadline = Thread.ofVirtual()
                .name("execution-" + execution.id() + "-deadline")
                .start(() -> {
                    try {
                        Thread.sleep(timeout);
                        boolean ignored = execution.stop(new StopReason.TimedOut());
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                });
        // The server may answer only when the context is free: the deadline above ends this wait too.
        var options = ExecuteOptions.of(execution.code())
                .withLanguage(execution.language())
                .withStartTimeout(timeout.plusSeconds(60));
        try (CodeExecution code = execution.open(() -> sandbox.code().execute(options))) {
            if (code != null) {
                while (code.hasNext()) {
                    record(code.next());
                }
            }
            if (code != null && code.isComplete()) {
                endComplete();
            } else {
                deadline.interrupt();
                endStopped(
                        sandboxStays
                                ? stopper.stop(sandbox, execution.language(), execution.executionCount())
                                : Stopper.CLOSED);
            }
        } finally {
            deadline.interrupt();
        }
    }

    private void record(CodeEvent event) {
        EventLog log = execution.log();
        switch (event) {
            case CodeEvent.Accepted accepted -> execution.setExecutionCount(accepted.executionCount());
            case CodeEvent.Stdout out -> log.stdout(out.text());
            case CodeEvent.Stderr err -> log.stderr(err.text());
            case CodeEvent.Result result -> {
                ObjectNode data = Json.object();
                data.put("is_main_result", result.main());
                data.setAll(result.formats());
                if (log.append(new ExecutionEvent.Result(data))) {
                    results.add(log.lastSequence(), data);
                }
            }
            case CodeEvent.Failed failed -> {
                String text = failed.name() + (failed.value().isEmpty() ? "" : ": " + failed.value());
                failure = new ExecutionEvent.Failed(text, failed.name(), failed.value(), failed.traceback());
                boolean ignored = log.append(failure);
            }
            case CodeEvent.KeepAlive _ -> {}
            case CodeEvent.Unknown _ -> {}
            case CodeEvent.Ended _ -> {}
        }
    }

    private void endComplete() {
        ExecutionEvent.Failed failed = failure;
        if (failed != null) {
            execution.end(ExecutionStatus.ERROR, failed.error());
            return;
        }
        Duration duration = execution.duration();
        ObjectNode data = Json.object();
        data.put("message", "Execution completed").put("duration", duration.toMillis());
        data.putArray("results").addAll(results.toList());
        execution.end(ExecutionStatus.COMPLETED, "Completed", new ExecutionEvent.Summary(data, duration));
    }

    /** @param how what was done to stop it, for people */
    private void endStopped(String how) {
        switch (execution.stopReason()) {
            case StopReason.Cancelled cancelled ->
                execution.end(ExecutionStatus.CANCELLED, cancelled.cause().text() + ": " + how);
            case StopReason.TimedOut _ ->
                execution.end(
                        ExecutionStatus.TIMEOUT,
                        "Stopped at its timeout of "
                                + execution.request().timeout().toMillis() + " ms: " + how);
            case null -> fail("The stream of the code was closed before its end");
        }
    }

    private void fail(String message) {
        // A sandbox that dies because it was closed, or under a stop, is what was asked for.
        if (execution.stopReason() != null) {
            endStopped(Stopper.CLOSED);
            return;
        }
        execution.end(ExecutionStatus.ERROR, message, new ExecutionEvent.Failed(message, null, null, null));
    }
}
