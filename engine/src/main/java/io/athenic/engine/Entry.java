package io.athenic.engine;

import java.util.Map;
import java.util.Optional;

/**
 * A file, folder or link of a sandbox, as lstat sees it; a link shows the type and mode of its target. Every value is the guest's word.
 *
 * @param mode permission bits, such as 0644
 * @param permissions in Go's notation, such as {@code -rw-r--r--}
 * @param modifiedMicros microseconds since the epoch
 */
public record Entry(
        String name,
        EntryType type,
        String path,
        long size,
        int mode,
        String permissions,
        String owner,
        String group,
        long modifiedMicros,
        Optional<String> symlinkTarget,
        Map<String, String> metadata) {
    public Entry {
        metadata = Map.copyOf(metadata);
    }

    /** SYMLINK is a broken one. */
    public enum EntryType {
        FILE,
        DIRECTORY,
        SYMLINK,
        OTHER
    }
}
