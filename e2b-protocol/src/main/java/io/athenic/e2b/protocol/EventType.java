package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/** {@code filesystem.EventType}; written by name, read by name or number. */
public enum EventType {
    UNSPECIFIED(0),
    CREATE(1),
    WRITE(2),
    REMOVE(3),
    RENAME(4),
    CHMOD(5);

    private final int number;

    EventType(int number) {
        this.number = number;
    }

    @JsonValue
    public String wireName() {
        return "EVENT_TYPE_" + name();
    }

    @JsonCreator
    static EventType ofWire(String text) {
        for (var type : values()) {
            if (type.wireName().equals(text) || text.equals(String.valueOf(type.number))) {
                return type;
            }
        }
        return UNSPECIFIED;
    }
}
