package io.athenic.chat.thread;

import java.util.Locale;

/** Where a run stands. The last three are final. */
public enum RunStatus {
    DECIDING,
    STARTING,
    RUNNING,
    ANSWERING,
    COMPLETE,
    FAILED,
    CANCELLED;

    /** True when nothing follows. */
    public boolean ended() {
        return this == COMPLETE || this == FAILED || this == CANCELLED;
    }

    /** The name used in JSON and in the store. */
    public String wire() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The status of a wire name.
     *
     * @throws IllegalArgumentException for any other text
     */
    public static RunStatus of(String wire) {
        return valueOf(wire.toUpperCase(Locale.ROOT));
    }
}
