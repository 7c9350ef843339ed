package io.athenic.chat.run;

import io.athenic.execution.ApiException;
import java.io.InputStream;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The files of sandboxes. Every method throws {@link ApiException} when the sandbox is gone or refuses. */
public interface SandboxFiles {

    /**
     * One entry of a folder.
     *
     * @param type {@code file}, {@code directory} or {@code symlink}
     * @param size in bytes
     * @param modified null where the sandbox does not say
     */
    record Entry(
            String name,
            String path,
            String type,
            long size,
            @Nullable Instant modified) {}

    /** What stands in a folder, by name; empty when there is no such folder. */
    Optional<List<Entry>> list(String sandboxId, String path);

    /** The file or folder at {@code path}. */
    Optional<Entry> stat(String sandboxId, String path);

    /** Writes a file, making missing folders; an IOException of {@code content} ends it half-way and is thrown unchecked. */
    Entry write(String sandboxId, String path, InputStream content);

    /** The bytes of a file; the caller closes the stream. Empty when there is no such file. */
    Optional<InputStream> read(String sandboxId, String path);

    /** Removes a file; one that is missing is no error. */
    void remove(String sandboxId, String path);
}
