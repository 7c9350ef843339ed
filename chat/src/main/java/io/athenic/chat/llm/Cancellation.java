package io.athenic.chat.llm;

import java.util.ArrayList;
import java.util.List;

/** A wish to stop that reaches whatever is running at the moment. Safe for use by many threads. */
public final class Cancellation {

    private final List<Runnable> actions = new ArrayList<>();
    private boolean cancelled;
    private String why = "";

    /**
     * Stops what runs now and what starts later; again: no effect.
     *
     * @param reason for the person who chats
     */
    public void cancel(String reason) {
        List<Runnable> now;
        synchronized (actions) {
            if (cancelled) {
                return;
            }
            cancelled = true;
            why = reason;
            now = List.copyOf(actions);
            actions.clear();
        }
        now.forEach(Runnable::run);
    }

    /** The reason that was given first; empty before. */
    public String why() {
        synchronized (actions) {
            return why;
        }
    }

    /** True once {@link #cancel} was called. */
    public boolean isCancelled() {
        synchronized (actions) {
            return cancelled;
        }
    }

    /**
     * Goes on only while nobody has cancelled.
     *
     * @throws TurnCancelledException once cancelled
     */
    public void check() {
        if (isCancelled()) {
            throw new TurnCancelledException();
        }
    }

    /**
     * Runs {@code action} when cancelled, at once if that was before. The action must not block for long.
     *
     * @return closing it forgets the action
     */
    public Registration onCancel(Runnable action) {
        synchronized (actions) {
            if (!cancelled) {
                actions.add(action);
                return () -> {
                    synchronized (actions) {
                        actions.remove(action);
                    }
                };
            }
        }
        action.run();
        return () -> {};
    }

    /** An action that waits for the cancellation. */
    @FunctionalInterface
    public interface Registration extends AutoCloseable {
        @Override
        void close();
    }
}
