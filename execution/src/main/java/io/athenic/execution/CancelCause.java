package io.athenic.execution;

/** Why an execution was stopped from outside; the client is told. */
public enum CancelCause {
    USER("Stopped by the user"),
    OWNER_GONE("Stopped: nobody waits for the result any more"),
    THREAD_DELETED("Stopped: the thread was deleted"),
    SANDBOX_CLOSED("Stopped: its sandbox was closed"),
    SHUTDOWN("Stopped: the service is shutting down");

    private final String text;

    CancelCause(String text) {
        this.text = text;
    }

    public String text() {
        return text;
    }
}
