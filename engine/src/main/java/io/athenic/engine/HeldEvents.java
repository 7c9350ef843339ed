package io.athenic.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/** Keeps roomd's events back until the rooms that they are about are known; then passes them on in their order. */
final class HeldEvents implements RoomdEvents {
    private final RoomdEvents events;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final List<Runnable> held = new ArrayList<>();

    @GuardedBy("lock")
    private boolean released;

    HeldEvents(RoomdEvents events) {
        this.events = events;
    }

    /** From now on events pass at once. Handlers run under the lock here, so that none overtakes; they must not block anyway. */
    void release() {
        lock.lock();
        try {
            released = true;
            held.forEach(Runnable::run);
            held.clear();
        } finally {
            lock.unlock();
        }
    }

    private void pass(Runnable event) {
        lock.lock();
        try {
            if (!released) {
                held.add(event);
                return;
            }
        } finally {
            lock.unlock();
        }
        event.run();
    }

    @Override
    public void guestExited(String sandbox, String name, GuestExit exit) {
        pass(() -> events.guestExited(sandbox, name, exit));
    }

    @Override
    public void roomExited(String sandbox) {
        pass(() -> events.roomExited(sandbox));
    }

    @Override
    public void outOfMemory(String sandbox, long kills) {
        pass(() -> events.outOfMemory(sandbox, kills));
    }

    /** Held back for nobody: it counts, and touches no sandbox. */
    @Override
    public void answered(String op, boolean ok, long nanos) {
        events.answered(op, ok, nanos);
    }

    @Override
    public void zygoteExited(String template) {
        pass(() -> events.zygoteExited(template));
    }

    @Override
    public void roomdGone(EngineException cause) {
        pass(() -> events.roomdGone(cause));
    }
}
