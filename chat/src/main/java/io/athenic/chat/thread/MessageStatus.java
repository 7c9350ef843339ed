package io.athenic.chat.thread;

import java.util.Locale;

/** State of a message; all but {@link #RUNNING} are final. */
public enum MessageStatus {
    RUNNING,
    COMPLETE,
    FAILED,
    CANCELLED;

    /** The name used in JSON and in the store. */
    public String wire() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The status of a wire name.
     *
     * @throws IllegalArgumentException for any other text
     */
    public static MessageStatus of(String wire) {
        return valueOf(wire.toUpperCase(Locale.ROOT));
    }
}
