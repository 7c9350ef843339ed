package io.athenic.engine.egress;

/** What was configured or asked of the network is wrong. The message says what is wanted and may be shown to whoever wrote it. */
public final class EgressException extends RuntimeException {
    private static final long serialVersionUID = 1;

    EgressException(String message) {
        super(message);
    }
}
