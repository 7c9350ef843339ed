package io.athenic.execution;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.e2b.CodeExecution;
import io.athenic.e2b.ExecuteOptions;
import io.athenic.e2b.NotFoundException;
import io.athenic.e2b.Sandbox;
import io.athenic.e2b.SandboxException;
import io.athenic.e2b.SandboxNotFoundException;
import io.athenic.e2b.protocol.CodeEvent;
import io.athenic.execution.Execution.StopReason;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs one execution in its sandbox, from its turn to its end. For one virtual thread. */
final class ExecutionRun {
    /** How long an execution waits for those before it in the same sandbox. */
    static final Duration LONGEST_WAIT = Duration.ofMinutes(10);

    /** Results that are repeated in the last message. */
    private static final long SUMMARY_RESULT_BYTES = 1 << 20;

    /** Output that a sandbox is to keep for us, in characters: then it is told that we have written it down. */
    private static final long UNACKNOWLEDGED = 512 << 10;

    /** A broken connection to running code is made again this often without having brought anything new. */
    private static final int ATTEMPTS = 8;

    private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
    private static final Logger LOG = LoggerFactory.getLogger(ExecutionRun.class);

    private final Execution execution;
    private final Sandbox sandbox;
    private final boolean sandboxStays;
    private final ContextTurns turns;
    private final Stopper stopper;
    private final Consumer<Execution> save;
    private long unacknowledged;

    /** The position of the stream's last event. */
    private long end;

    private final ResultList results = new ResultList(SUMMARY_RESULT_BYTES);
    private ExecutionEvent.@Nullable Failed failure;

    /**
     * @param sandboxStays whether its state is to be saved when the code is stopped
     * @param save writes down where a durable execution stands
     */
    ExecutionRun(
            Execution execution,
            Sandbox sandbox,
            boolean sandboxStays,
            ContextTurns turns,
            Stopper stopper,
            Consumer<Execution> save) {
        this.execution = execution;
        this.sandbox = sandbox;
        this.sandboxStays = sandboxStays;
        this.turns = turns;
        this.stopper = stopper;
        this.save = save;
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
        Supplier<ContextTurns.Turn> turn = () -> turns.take(sandbox.id(), execution.language(), LONGEST_WAIT);
        return hasBegun() ? turn.get() : execution.unlessStopped(turn); // code that runs is stopped by its stream alone
    }

    /** In an earlier life of the server. */
    private boolean hasBegun() {
        return execution.runningSince().isPresent();
    }

    private void runCode() {
        boolean begun = hasBegun();
        if (begun) {
            recall();
        }
        execution.running();
        save.accept(execution);
        Duration timeout = execution.timeLeft();
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
        Duration startTimeout = timeout.plusSeconds(60);
        Supplier<CodeExecution> opener = () -> begun ? attach(startTimeout) : execute(startTimeout);
        try {
            if (followToEnd(opener, begun, startTimeout)) {
                endComplete();
                acknowledge(end); // not before: what the sandbox has forgotten cannot be followed after a restart
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

    private CodeExecution execute(Duration startTimeout) {
        var options = ExecuteOptions.of(execution.code())
                .withLanguage(execution.language())
                .withStartTimeout(startTimeout);
        return sandbox.code().execute(execution.isDurable() ? options.withExecutionId(execution.id()) : options);
    }

    private CodeExecution attach(Duration startTimeout) {
        return sandbox.code()
                .attach(execution.id(), execution.language(), execution.log().position(), startTimeout);
    }

    /** What the log has of it already. */
    private void recall() {
        try (LogReader reader = execution.log().readAfter(0)) {
            for (LogItem item = reader.next(Duration.ZERO); item != null; item = reader.next(Duration.ZERO)) {
                switch (item.event()) {
                    case ExecutionEvent.Result result -> results.add(item.sequence(), result.data());
                    case ExecutionEvent.Failed failed -> failure = failed;
                    default -> {}
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Follows the code, again when the connection breaks and the code runs on; false when it was stopped before its end. */
    private boolean followToEnd(Supplier<CodeExecution> opener, boolean begun, Duration startTimeout) {
        Supplier<CodeExecution> next = opener;
        boolean again = begun;
        int failures = 0;
        while (true) {
            long before = execution.log().position();
            try {
                return follow(next, again);
            } catch (NotFoundException e) {
                throw e;
            } catch (SandboxException e) {
                failures = execution.log().position() > before ? 1 : failures + 1;
                if (execution.log().position() == 0 || failures > ATTEMPTS || execution.stopReason() != null) {
                    throw e;
                }
                LOG.info("execution {}: the connection broke and is made again: {}", execution.id(), e.getMessage());
                Duration pause = FIRST_PAUSE.multipliedBy(1L << failures);
                if (execution.unlessStopped(() -> slept(pause)) == null) {
                    return false;
                }
                next = () -> attach(startTimeout);
                again = true;
            }
        }
    }

    private static Boolean slept(Duration pause) {
        try {
            Thread.sleep(pause);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SandboxException("interrupted while waiting for the next attempt", e);
        }
    }

    private boolean follow(Supplier<CodeExecution> opener, boolean again) {
        try (CodeExecution code = again ? execution.reopen(opener) : execution.open(opener)) {
            if (code == null) {
                return false;
            }
            while (code.hasNext()) {
                record(code.next(), code.position());
                if (unacknowledged >= UNACKNOWLEDGED) {
                    acknowledge(code.position());
                }
            }
            end = code.position();
            return code.isComplete();
        }
    }

    /** Everything up to the position is in the log, which is asked to write it: then the sandbox can forget it. */
    private void acknowledge(long position) {
        unacknowledged = 0;
        if (position == 0) {
            return; // not a durable one
        }
        long ignored = execution.log().checkpoint();
        try {
            sandbox.code().acknowledge(execution.id(), position);
        } catch (SandboxException e) {
            LOG.debug("execution {}: acknowledging {} failed: {}", execution.id(), position, e.getMessage());
        }
    }

    private void record(CodeEvent event, long position) {
        EventLog log = execution.log();
        switch (event) {
            case CodeEvent.Accepted accepted -> {
                execution.setExecutionCount(accepted.executionCount());
                save.accept(execution);
            }
            case CodeEvent.Stdout out -> {
                log.output(ExecutionEvent.Stream.STDOUT, out.text(), position);
                unacknowledged += out.text().length();
            }
            case CodeEvent.Stderr err -> {
                log.output(ExecutionEvent.Stream.STDERR, err.text(), position);
                unacknowledged += err.text().length();
            }
            case CodeEvent.Result result -> {
                ObjectNode data = Json.object();
                data.put("is_main_result", result.main());
                data.setAll(result.formats());
                if (log.append(new ExecutionEvent.Result(data), position)) {
                    results.add(log.lastSequence(), data);
                }
                unacknowledged += UNACKNOWLEDGED / 8;
            }
            case CodeEvent.Failed failed -> {
                String text = failed.name() + (failed.value().isEmpty() ? "" : ": " + failed.value());
                failure = new ExecutionEvent.Failed(text, failed.name(), failed.value(), failed.traceback());
                boolean ignored = log.append(failure, position);
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
