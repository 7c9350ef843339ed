package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/** {@code process.Signal}: the two that the protocol has; written by name, read by name or number. */
public enum Signal {
    SIGKILL(9),
    SIGTERM(15);

    private final int number;

    Signal(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }

    @JsonValue
    public String wireName() {
        return "SIGNAL_" + name();
    }

    @JsonCreator
    static Signal ofWire(String text) {
        for (var signal : values()) {
            if (signal.wireName().equals(text) || text.equals(String.valueOf(signal.number))) {
                return signal;
            }
        }
        throw new IllegalArgumentException("signal: SIGNAL_SIGKILL or SIGNAL_SIGTERM is expected");
    }
}
