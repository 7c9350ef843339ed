package io.athenic.execution;

import java.util.Locale;

/** Where an execution stands. The last four are final. */
public enum ExecutionStatus {
    /** Its sandbox is being made or found. */
    STARTING,
    /** Waits for its turn: one execution at a time runs in a context. */
    QUEUED,
    RUNNING,
    COMPLETED,
    /** The program failed, or its sandbox did. */
    ERROR,
    CANCELLED,
    TIMEOUT;

    public boolean isFinal() {
        return compareTo(COMPLETED) >= 0;
    }

    /** The name on the wire: lower case. */
    public String wire() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException for a name that is none of ours */
    static ExecutionStatus fromWire(String wire) {
        return valueOf(wire.toUpperCase(Locale.ROOT));
    }
}
