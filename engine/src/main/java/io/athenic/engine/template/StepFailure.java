package io.athenic.engine.template;

import java.io.Serial;

/** A step failed; the message is for the person who wrote it. */
final class StepFailure extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1;

    private final String step;

    StepFailure(String step, String message) {
        super(message);
        this.step = step;
    }

    StepFailure(String step, String message, Throwable cause) {
        super(message, cause);
        this.step = step;
    }

    /** Its number from 1 on, as text, {@code base} or {@code finalize}. */
    String step() {
        return step;
    }
}
