package io.athenic.execution;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.athenic.e2b.SandboxException;
import io.athenic.e2b.TimeoutException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One execution at a time in a sandbox's context, first come first served. E2B's server queues too; but when we stop an execution we ask
 * its context whether it answers again, and that question must not stand behind another execution of ours.
 */
final class ContextTurns {
    private record Key(String sandboxId, String language) {}

    private static final class Line {
        private final Semaphore turn = new Semaphore(1, true);
        private int users;
    }

    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Map<Key, Line> lines = new HashMap<>();

    /** A turn; to be closed. */
    interface Turn extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Waits for the turn.
     *
     * @throws TimeoutException it did not come within {@code max}
     * @throws SandboxException interrupted
     */
    Turn take(String sandboxId, String language, Duration max) {
        var key = new Key(sandboxId, language);
        Line line = join(key);
        boolean taken = false;
        try {
            taken = line.turn.tryAcquire(max.toMillis(), TimeUnit.MILLISECONDS);
            if (!taken) {
                throw new TimeoutException("the sandbox is busy with other executions");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SandboxException("interrupted while waiting for a turn", e);
        } finally {
            if (!taken) {
                leave(key, line);
            }
        }
        return () -> {
            line.turn.release();
            leave(key, line);
        };
    }

    /** Whether someone runs or waits there. */
    boolean isBusy(String sandboxId, String language) {
        lock.lock();
        try {
            return lines.containsKey(new Key(sandboxId, language));
        } finally {
            lock.unlock();
        }
    }

    private Line join(Key key) {
        lock.lock();
        try {
            Line line = lines.computeIfAbsent(key, _ -> new Line());
            line.users++;
            return line;
        } finally {
            lock.unlock();
        }
    }

    private void leave(Key key, Line line) {
        lock.lock();
        try {
            line.users--;
            if (line.users == 0) {
                lines.remove(key);
            }
        } finally {
            lock.unlock();
        }
    }
}
