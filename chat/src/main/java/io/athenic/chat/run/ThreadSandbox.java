package io.athenic.chat.run;

import io.athenic.chat.store.ChatStore;
import io.athenic.chat.store.NoSuchThreadException;
import io.athenic.execution.ApiException;
import org.jspecify.annotations.Nullable;

/** Finds or makes the sandbox of a thread. Safe for use by many threads. */
public final class ThreadSandbox {

    /**
     * A usable sandbox.
     *
     * @param replaced true when it stands for one that has ended, with all that was in it
     */
    public record Found(String sandboxId, boolean replaced) {}

    private final ChatStore store;
    private final Sandboxes sandboxes;

    public ThreadSandbox(ChatStore store, Sandboxes sandboxes) {
        this.store = store;
        this.sandboxes = sandboxes;
    }

    /** The thread's sandbox while it lives, else null. */
    public @Nullable String alive(String threadId) {
        String id = stored(threadId);
        return id != null && sandboxes.isAlive(id) ? id : null;
    }

    /**
     * The thread's sandbox; a new one where there is none or it has ended.
     *
     * @throws ApiException when none can be made
     * @throws NoSuchThreadException without the thread
     */
    public Found obtain(String threadId) {
        String before = stored(threadId);
        if (before != null && sandboxes.isAlive(before)) {
            sandboxes.keepAlive(before);
            return new Found(before, false);
        }
        String made = sandboxes.create();
        if (store.replaceSandbox(threadId, before, made)) {
            return new Found(made, before != null);
        }
        // An upload and a run met, or the thread was deleted: the first one's sandbox is the thread's.
        sandboxes.close(made);
        String winner = stored(threadId);
        if (winner == null) {
            throw new NoSuchThreadException(threadId);
        }
        return new Found(winner, before != null);
    }

    private @Nullable String stored(String threadId) {
        return store.thread(threadId)
                .orElseThrow(() -> new NoSuchThreadException(threadId))
                .sandboxId();
    }
}
