package io.athenic.chat.llm;

import java.io.Serial;

/** The person stopped the run. */
public final class TurnCancelledException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1;

    public TurnCancelledException() {
        super("stopped");
    }
}
