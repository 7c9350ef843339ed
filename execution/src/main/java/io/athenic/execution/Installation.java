package io.athenic.execution;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * Tells the sandboxes of this service from those of others with the same key: they carry its id in their metadata.
 *
 * @param id stays over restarts: it is in a file of the data folder
 * @param life another one at each start
 */
record Installation(String id, String life) {
    private static final Pattern ID = Pattern.compile("[0-9a-f-]{36}");

    /** Of the service that has its files in this folder. */
    static Installation of(Path folder) {
        Path file = folder.resolve("installation");
        try {
            String id = Files.exists(file) ? Files.readString(file).strip() : "";
            if (!ID.matcher(id).matches()) {
                id = UUID.randomUUID().toString();
                Path draft = folder.resolve("installation.new");
                Files.writeString(draft, id + "\n");
                Object ignored = Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
            }
            return new Installation(id, UUID.randomUUID().toString());
        } catch (IOException e) {
            throw new UncheckedIOException("the file " + file + " cannot be used: is the disk full?", e);
        }
    }
}
