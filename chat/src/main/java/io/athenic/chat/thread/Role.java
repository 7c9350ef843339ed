package io.athenic.chat.thread;

import java.util.Locale;

/** Who wrote a message. */
public enum Role {
    USER,
    ASSISTANT;

    /** The name used in JSON and in the store. */
    public String wire() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The role of a wire name.
     *
     * @throws IllegalArgumentException for any other text
     */
    public static Role of(String wire) {
        return valueOf(wire.toUpperCase(Locale.ROOT));
    }
}
