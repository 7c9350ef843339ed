package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonAlias;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Messages of {@code filesystem.Filesystem} and the answer of {@code POST /files}. */
public final class FilesystemApi {
    public static final String SERVICE = "/filesystem.Filesystem/";

    private FilesystemApi() {}

    /** Stat, MakeDir, Remove. */
    public record PathRequest(String path) {
        public PathRequest {
            path = orEmpty(path);
        }
    }

    public record MoveRequest(String source, String destination) {
        public MoveRequest {
            source = orEmpty(source);
            destination = orEmpty(destination);
        }
    }

    /**
     * ListDir.
     *
     * @param depth levels below the directory; 0 is read as 1
     */
    public record ListDirRequest(String path, int depth) {
        public ListDirRequest {
            path = orEmpty(path);
        }
    }

    /** Answer of Stat, MakeDir, Move. */
    public record EntryResponse(EntryInfo entry) {}

    public record ListDirResponse(List<EntryInfo> entries) {
        @SuppressWarnings("ConstantValue")
        public ListDirResponse {
            entries = entries == null ? List.of() : List.copyOf(entries);
        }
    }

    /** WatchDir and CreateWatcher. */
    public record WatchRequest(
            String path,
            boolean recursive,
            @JsonAlias("include_entry") boolean includeEntry,
            @JsonAlias("allow_network_mounts") boolean allowNetworkMounts) {
        public WatchRequest {
            path = orEmpty(path);
        }
    }

    /** CreateWatcher's answer; request of GetWatcherEvents and RemoveWatcher. */
    public record WatcherId(@JsonAlias("watcher_id") String watcherId) {
        public WatcherId {
            watcherId = orEmpty(watcherId);
        }
    }

    /**
     * One change in a watched directory.
     *
     * @param name relative to the watched directory
     */
    public record FilesystemEvent(
            String name, EventType type, @Nullable EntryInfo entry) {
        @SuppressWarnings("ConstantValue")
        public FilesystemEvent {
            name = orEmpty(name);
            type = type == null ? EventType.UNSPECIFIED : type;
        }
    }

    public record WatcherEvents(List<FilesystemEvent> events) {
        @SuppressWarnings("ConstantValue")
        public WatcherEvents {
            events = events == null ? List.of() : List.copyOf(events);
        }
    }

    /** One message of WatchDir: exactly one part is set. */
    public record WatchDirResponse(
            @Nullable Empty start,
            @Nullable FilesystemEvent filesystem,
            @Nullable Empty keepalive) {
        public static final WatchDirResponse START = new WatchDirResponse(Empty.EMPTY, null, null);
        public static final WatchDirResponse KEEPALIVE = new WatchDirResponse(null, null, Empty.EMPTY);

        public static WatchDirResponse of(FilesystemEvent event) {
            return new WatchDirResponse(null, event, null);
        }
    }

    /** {@code POST /files/compose}. */
    public record ComposeRequest(
            @JsonAlias("sourcePaths") @Nullable List<String> source_paths,
            @Nullable String destination,
            @Nullable String username) {}

    /** One file written by {@code POST /files}. */
    public record WrittenFile(
            String path, String name, String type, @Nullable Map<String, String> metadata) {}

    private static String orEmpty(@Nullable String text) {
        return text == null ? "" : text;
    }
}
