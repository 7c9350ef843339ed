package io.athenic.engine;

import java.util.Optional;

/**
 * A change below a watched folder.
 *
 * @param name relative to the watched folder
 */
public record WatchEvent(String name, Kind kind, Optional<Entry> entry) {
    /** What happened. */
    public enum Kind {
        CREATE,
        WRITE,
        REMOVE,
        RENAME,
        CHMOD
    }
}
