package io.athenic.execution;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.athenic.e2b.CodeExecution;
import io.athenic.e2b.SandboxException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One run of code: what was asked, where it stands, and its events. Safe for many threads. */
public final class Execution {
    private final String id;
    private final long ordinal;
    private final ExecutionRequest request;
    private final Instant startedAt;
    private final InstantSource clock;
    private final EventLog log;
    private final StateMachine<ExecutionStatus> state;
    private final CountDownLatch done = new CountDownLatch(1);
    private final boolean durable;

    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private @Nullable String sandboxId;

    @GuardedBy("lock")
    private @Nullable Instant runningSince;

    @GuardedBy("lock")
    private @Nullable Instant endedAt;

    @GuardedBy("lock")
    private @Nullable StopReason stopReason;

    /** What is closed to stop: the stream of the running code. */
    @GuardedBy("lock")
    private @Nullable CodeExecution stream;

    /** Who is interrupted to stop: set while that thread waits for its turn or for the stream, and for nothing else. */
    @GuardedBy("lock")
    private @Nullable Thread waiting;

    private volatile int executionCount;

    /** Why it is stopped before its end. */
    sealed interface StopReason {
        record Cancelled(CancelCause cause) implements StopReason {}

        record TimedOut() implements StopReason {}
    }

    Execution(String id, long ordinal, ExecutionRequest request, EventLog log, InstantSource clock) {
        this.id = id;
        this.ordinal = ordinal;
        this.request = request;
        this.log = log;
        this.clock = clock;
        this.startedAt = clock.instant();
        this.sandboxId = request.sandboxId();
        this.state = new StateMachine<>(ExecutionStatus.STARTING, ExecutionStatus::isFinal);
        this.durable = request.clientId() != null;
    }

    /** An execution of an earlier life. */
    Execution(ExecutionRecord record, EventLog log, InstantSource clock) {
        this.id = record.id();
        this.ordinal = record.ordinal();
        this.request = record.request();
        this.log = log;
        this.clock = clock;
        this.startedAt = Instant.ofEpochMilli(record.startedAt());
        this.sandboxId = record.sandboxId();
        this.state = new StateMachine<>(ExecutionStatus.fromWire(record.status()), ExecutionStatus::isFinal);
        this.durable = true;
        this.executionCount = record.executionCount();
        this.runningSince = record.runningSince() == null ? null : Instant.ofEpochMilli(record.runningSince());
        if (status().isFinal()) {
            this.endedAt = Instant.ofEpochMilli(Objects.requireNonNullElse(record.endedAt(), record.startedAt()));
            log.end();
            done.countDown();
        }
    }

    /** Whether it can outlive this process: somebody follows it by an id of theirs, and can come again. */
    boolean isDurable() {
        return durable;
    }

    /** Since when its code is the sandbox's; its timeout counts from then. */
    Optional<Instant> runningSince() {
        lock.lock();
        try {
            return Optional.ofNullable(runningSince);
        } finally {
            lock.unlock();
        }
    }

    public String id() {
        return id;
    }

    public Optional<String> clientId() {
        return Optional.ofNullable(request.clientId());
    }

    /** Known as soon as there is a sandbox. */
    public Optional<String> sandboxId() {
        lock.lock();
        try {
            return Optional.ofNullable(sandboxId);
        } finally {
            lock.unlock();
        }
    }

    public String language() {
        return request.language();
    }

    public String code() {
        return request.code();
    }

    public ExecutionStatus status() {
        return state.get();
    }

    public Instant startedAt() {
        return startedAt;
    }

    public Optional<Instant> endedAt() {
        lock.lock();
        try {
            return Optional.ofNullable(endedAt);
        } finally {
            lock.unlock();
        }
    }

    /** Until now, or until its end. */
    public Duration duration() {
        return Duration.between(startedAt, endedAt().orElseGet(clock::instant));
    }

    public EventLog log() {
        return log;
    }

    /** How many executions its context has seen with this; 0: unknown. */
    public int executionCount() {
        return executionCount;
    }

    /** Whether it has ended and its log is complete. Its status is final a moment earlier: who reads the end in the log can start the next at once. */
    boolean isOver() {
        return done.getCount() == 0;
    }

    /** True when it has ended and its log is complete; false if that was not so within {@code max}. */
    public boolean awaitEnd(Duration max) throws InterruptedException {
        return done.await(StateMachine.bounded(max).toNanos(), TimeUnit.NANOSECONDS);
    }

    /**
     * Waits for the end and sums up, with 64 KiB of each output at most.
     *
     * @return what there is; its status is not final if the end did not come within {@code max}
     */
    public ExecutionOutcome await(Duration max) throws InterruptedException {
        boolean ignored = awaitEnd(max);
        return outcome(64 << 10);
    }

    /**
     * Sums up what there is in the log now.
     *
     * @param maxOutput characters of stdout and of stderr that are kept, at most: the first and the last ones
     */
    public ExecutionOutcome outcome(int maxOutput) throws InterruptedException {
        return ExecutionOutcome.of(this, maxOutput);
    }

    long ordinal() {
        return ordinal;
    }

    ExecutionRequest request() {
        return request;
    }

    void setSandboxId(String newSandboxId) {
        lock.lock();
        try {
            sandboxId = newSandboxId;
        } finally {
            lock.unlock();
        }
    }

    /** Until its timeout, which counts from when its code was the sandbox's; 1 ms at least. */
    Duration timeLeft() {
        Duration left = runningSince()
                .map(since -> request.timeout().minus(Duration.between(since, clock.instant())))
                .orElse(request.timeout());
        return left.toMillis() > 0 ? left : Duration.ofMillis(1);
    }

    /** The code is given to the sandbox now. */
    void running() {
        lock.lock();
        try {
            if (runningSince == null) {
                runningSince = clock.instant();
            }
        } finally {
            lock.unlock();
        }
        moveTo(ExecutionStatus.RUNNING, "Running");
    }

    void setExecutionCount(int count) {
        executionCount = count;
    }

    /** Tells the log that the sandbox is being made or found. */
    void starting(String message) {
        tell(ExecutionStatus.STARTING, message);
    }

    /** Moves on, and tells the log, unless that would be a step back. */
    void moveTo(ExecutionStatus status, String message) {
        if (state.move(status)) {
            tell(status, message);
        }
    }

    private void tell(ExecutionStatus status, String message) {
        boolean ignored = log.append(
                new ExecutionEvent.Status(status, message, sandboxId().orElse(null), null));
    }

    /** The last step: {@code last} events, the status, the end of the log. Nothing if it has ended already. */
    void end(ExecutionStatus status, String message, ExecutionEvent... last) {
        Instant now = clock.instant();
        if (!state.move(status)) {
            return;
        }
        lock.lock();
        try {
            endedAt = now;
        } finally {
            lock.unlock();
        }
        boolean ignored;
        for (ExecutionEvent event : last) {
            ignored = log.append(event);
        }
        ignored = log.append(
                new ExecutionEvent.Status(status, message, sandboxId().orElse(null), duration()));
        log.end();
        done.countDown();
    }

    /** Asks for a stop; returns at once. False if it was asked for before, or the end has come. */
    boolean stop(StopReason reason) {
        CodeExecution open;
        lock.lock();
        try {
            if (stopReason != null || state.get().isFinal()) {
                return false;
            }
            stopReason = reason;
            open = stream;
            if (waiting != null) {
                waiting.interrupt();
            }
        } finally {
            lock.unlock();
        }
        if (open != null) {
            open.close();
        }
        return true;
    }

    @Nullable
    StopReason stopReason() {
        lock.lock();
        try {
            return stopReason;
        } finally {
            lock.unlock();
        }
    }

    /** Opens the stream of the code, unless a stop is asked for before or meanwhile: then null. */
    @Nullable
    CodeExecution open(Supplier<CodeExecution> opener) {
        CodeExecution opened = unlessStopped(opener);
        return opened == null ? null : take(opened);
    }

    /** Opens the stream of code that runs already: when a stop is asked for, that stream is what stops it. Then null. */
    @Nullable
    CodeExecution reopen(Supplier<CodeExecution> opener) {
        return take(opener.get());
    }

    private @Nullable CodeExecution take(CodeExecution opened) {
        lock.lock();
        try {
            if (stopReason == null) {
                stream = opened;
                return opened;
            }
        } finally {
            lock.unlock();
        }
        opened.close();
        return null;
    }

    /** Does what can be interrupted by a stop, on this thread; null if it was, or a stop was asked for before. */
    <T> @Nullable T unlessStopped(Supplier<T> action) {
        lock.lock();
        try {
            if (stopReason != null) {
                return null;
            }
            waiting = Thread.currentThread();
        } finally {
            lock.unlock();
        }
        try {
            return action.get();
        } catch (SandboxException e) {
            if (stopReason() != null) {
                return null;
            }
            throw e;
        } finally {
            lock.lock();
            try {
                waiting = null;
                boolean ignored = Thread.interrupted();
            } finally {
                lock.unlock();
            }
        }
    }
}
