package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/** {@code filesystem.FileType}; written by name, read by name or number. */
public enum FileType {
    UNSPECIFIED(0),
    FILE(1),
    DIRECTORY(2),
    SYMLINK(3);

    private final int number;

    FileType(int number) {
        this.number = number;
    }

    @JsonValue
    public String wireName() {
        return "FILE_TYPE_" + name();
    }

    @JsonCreator
    static FileType ofWire(String text) {
        for (var type : values()) {
            if (type.wireName().equals(text) || text.equals(String.valueOf(type.number))) {
                return type;
            }
        }
        return UNSPECIFIED;
    }
}
