package io.athenic.chat.store;

import java.io.Serial;

/** The thread has a run that has not ended. */
public final class ThreadBusyException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1;

    public ThreadBusyException(String threadId) {
        super("thread " + threadId + " still answers another message: wait for its end or cancel that run");
    }
}
