package io.athenic.e2b.server.envd;

import io.athenic.e2b.protocol.EntryInfo;
import io.athenic.e2b.protocol.EventType;
import io.athenic.e2b.protocol.FileType;
import io.athenic.e2b.protocol.FilesystemApi.FilesystemEvent;
import io.athenic.e2b.protocol.FilesystemApi.WrittenFile;
import io.athenic.engine.Entry;
import io.athenic.engine.WatchEvent;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/** The engine's files in envd's words. */
final class Entries {
    private Entries() {}

    static EntryInfo info(Entry entry) {
        return new EntryInfo(
                entry.name(),
                switch (entry.type()) {
                    case FILE -> FileType.FILE;
                    case DIRECTORY -> FileType.DIRECTORY;
                    // A broken link has no type in envd; the SDKs leave such entries out of lists.
                    case SYMLINK, OTHER -> FileType.UNSPECIFIED;
                },
                entry.path(),
                entry.size(),
                entry.mode(),
                entry.permissions(),
                entry.owner(),
                entry.group(),
                modified(entry),
                entry.symlinkTarget().orElse(null),
                entry.metadata().isEmpty() ? null : entry.metadata());
    }

    /** The guest's word, which may be no time at all. */
    private static @Nullable Instant modified(Entry entry) {
        var seconds = Math.floorDiv(entry.modifiedMicros(), 1_000_000L);
        // RFC 3339 has years 0001 to 9999.
        if (seconds < -62_135_596_800L || seconds > 253_402_300_799L) {
            return null;
        }
        return Instant.EPOCH.plus(entry.modifiedMicros(), ChronoUnit.MICROS);
    }

    static WrittenFile written(Entry entry) {
        return new WrittenFile(
                entry.path(), entry.name(), "file", entry.metadata().isEmpty() ? null : entry.metadata());
    }

    static FilesystemEvent event(WatchEvent event) {
        var type = switch (event.kind()) {
            case CREATE -> EventType.CREATE;
            case WRITE -> EventType.WRITE;
            case REMOVE -> EventType.REMOVE;
            case RENAME -> EventType.RENAME;
            case CHMOD -> EventType.CHMOD;
        };
        return new FilesystemEvent(
                event.name(), type, event.entry().map(Entries::info).orElse(null));
    }
}
