package io.athenic.chat.store;

import java.io.Serial;

/** The thread was never made or has been deleted. */
public final class NoSuchThreadException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1;

    public NoSuchThreadException(String threadId) {
        super("there is no thread " + threadId);
    }
}
