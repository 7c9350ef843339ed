package io.athenic.execution;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** The executions that are known: those that run, and ended ones for a while, bounded in count and bytes. */
final class ExecutionStore {
    private final ExecutionConfig config;
    private final ExecutionRecords records;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition added = lock.newCondition();

    /** In order of their start. */
    @GuardedBy("lock")
    private final LinkedHashMap<String, Execution> executions = new LinkedHashMap<>();

    ExecutionStore(ExecutionConfig config, ExecutionRecords records) {
        this.config = config;
        this.records = records;
    }

    /** Adds one of an earlier life. */
    void restore(Execution execution) {
        lock.lock();
        try {
            executions.put(execution.id(), execution);
        } finally {
            lock.unlock();
        }
    }

    /** @throws ApiException another execution of the same client runs */
    void add(Execution execution) {
        lock.lock();
        try {
            Optional<String> client = execution.clientId();
            if (client.isPresent()) {
                for (Execution other : executions.values()) {
                    if (!other.status().isFinal() && other.clientId().equals(client)) {
                        throw new ApiException(
                                ErrorCode.CONFLICT,
                                "Execution " + other.id() + " of this clientId still runs: wait for its end, cancel it,"
                                        + " or use another clientId.");
                    }
                }
            }
            executions.put(execution.id(), execution);
            added.signalAll();
        } finally {
            lock.unlock();
        }
    }

    Optional<Execution> find(String id) {
        lock.lock();
        try {
            return Optional.ofNullable(executions.get(id));
        } finally {
            lock.unlock();
        }
    }

    List<Execution> running() {
        lock.lock();
        try {
            return executions.values().stream()
                    .filter(execution -> !execution.status().isFinal())
                    .toList();
        } finally {
            lock.unlock();
        }
    }

    /** The execution of a client that began last. */
    Optional<Execution> latestOf(String clientId) {
        lock.lock();
        try {
            return executions.sequencedValues().reversed().stream()
                    .filter(execution ->
                            execution.clientId().filter(clientId::equals).isPresent())
                    .findFirst();
        } finally {
            lock.unlock();
        }
    }

    /** The first execution of a client that began after another one; waits for it. */
    Optional<Execution> awaitNextOf(String clientId, long afterOrdinal, Duration max) throws InterruptedException {
        long left = max.toNanos();
        lock.lockInterruptibly();
        try {
            while (true) {
                Optional<Execution> found = executions.values().stream()
                        .filter(execution -> execution.ordinal() > afterOrdinal)
                        .filter(execution ->
                                execution.clientId().filter(clientId::equals).isPresent())
                        .findFirst();
                if (found.isPresent() || left <= 0) {
                    return found;
                }
                left = added.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Forgets ended executions that are too old or too many, those that ended first before the others. */
    void prune(Instant now) {
        List<Execution> forgotten = new ArrayList<>();
        lock.lock();
        try {
            List<Execution> ended = executions.values().stream()
                    .filter(Execution::isOver)
                    .sorted(Comparator.comparing(
                            execution -> execution.endedAt().orElse(now)))
                    .toList();
            long bytes = ended.stream().mapToLong(e -> e.log().bytes()).sum();
            int count = ended.size();
            Instant oldest = now.minus(config.retention());
            for (Execution execution : ended) {
                boolean old = execution.endedAt().orElse(now).isBefore(oldest);
                if (old || count > config.maxRetained() || bytes > config.maxRetainedBytes()) {
                    forgotten.add(execution);
                    executions.remove(execution.id());
                    count--;
                    bytes -= execution.log().bytes();
                }
            }
        } finally {
            lock.unlock();
        }
        forgotten.forEach(this::forget);
    }

    private void forget(Execution execution) {
        execution.log().close();
        records.delete(execution.id());
    }

    /** Forgets all; the durable ones can be found again by their records. */
    void clear() {
        List<Execution> all;
        lock.lock();
        try {
            all = List.copyOf(executions.values());
            executions.clear();
        } finally {
            lock.unlock();
        }
        for (Execution execution : all) {
            if (execution.isDurable() && execution.sandboxId().isPresent()) {
                execution.log().leave();
            } else {
                execution.log().close();
            }
        }
    }
}
