package io.athenic.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A state that ends in a terminal one. Changes are atomic; listeners of the end run once each, without the lock, on the thread that ended it. */
final class StateMachine<S extends Enum<S>> {
    private static final Logger LOG = LoggerFactory.getLogger(StateMachine.class);

    private final ReentrantLock lock = new ReentrantLock();
    private final Set<S> terminal;

    @GuardedBy("lock")
    private S state;

    @GuardedBy("lock")
    private final List<Listener> listeners = new ArrayList<>();

    StateMachine(S initial, Set<S> terminal) {
        this.state = initial;
        this.terminal = Set.copyOf(terminal);
    }

    S get() {
        lock.lock();
        try {
            return state;
        } finally {
            lock.unlock();
        }
    }

    /** Goes from one state to another; false when the state is not {@code from}. */
    boolean change(S from, S to) {
        List<Listener> ended = List.of();
        lock.lock();
        try {
            if (state != from || terminal.contains(state)) {
                return false;
            }
            state = to;
            if (terminal.contains(to)) {
                ended = takeListeners();
            }
        } finally {
            lock.unlock();
        }
        ended.forEach(Listener::run);
        return true;
    }

    /** Goes to a terminal state from whatever state; false when one was reached before. */
    boolean end(S to) {
        if (!terminal.contains(to)) {
            throw new IllegalArgumentException(to + " is not terminal");
        }
        List<Listener> ended;
        lock.lock();
        try {
            if (terminal.contains(state)) {
                return false;
            }
            state = to;
            ended = takeListeners();
        } finally {
            lock.unlock();
        }
        ended.forEach(Listener::run);
        return true;
    }

    /** Runs the action at the end, or now when it has come. Closing the registration takes it back. */
    Registration onEnd(Runnable action) {
        Listener listener = new Listener(action);
        lock.lock();
        try {
            if (!terminal.contains(state)) {
                listeners.add(listener);
                return () -> remove(listener);
            }
        } finally {
            lock.unlock();
        }
        listener.run();
        return () -> {};
    }

    @GuardedBy("lock")
    private List<Listener> takeListeners() {
        List<Listener> taken = List.copyOf(listeners);
        listeners.clear();
        return taken;
    }

    private void remove(Listener listener) {
        lock.lock();
        try {
            listeners.remove(listener);
        } finally {
            lock.unlock();
        }
    }

    /** Compared by identity: the same action may be registered twice. */
    private static final class Listener {
        private final Runnable action;

        Listener(Runnable action) {
            this.action = action;
        }

        void run() {
            try {
                action.run();
            } catch (RuntimeException e) {
                LOG.error("A listener failed; the others are called all the same", e);
            }
        }
    }
}
