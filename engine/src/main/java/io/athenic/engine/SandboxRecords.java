package io.athenic.engine;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The records of the living sandboxes, a file each, {@code ID.json}, which only the server's account can read: a record has the sandbox's
 * token and environment. A file is replaced as a whole. Nothing is forced to the disk: a record is of use after the end of a process, while
 * a power failure ends the sandboxes too.
 */
final class SandboxRecords {
    private static final String ENDING = ".json";
    private static final String DRAFT = ".draft";
    private static final long MAX_BYTES = 1 << 20;
    private static final Logger LOG = LoggerFactory.getLogger(SandboxRecords.class);

    private final Path folder;

    /** Makes the folder if it is not there. */
    SandboxRecords(Path folder) {
        this.folder = folder;
        try {
            Files.createDirectories(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (IOException e) {
            throw new EngineException(
                    ErrorCode.UNAVAILABLE,
                    "the folder of the sandboxes' records cannot be made: " + e.getMessage() + ". Is the disk full?",
                    e);
        }
    }

    /** Writes or replaces a record. RESOURCE_EXHAUSTED when that is not possible; then the one before is still there. */
    void write(SandboxRecord record) {
        Path draft = folder.resolve(record.id() + DRAFT);
        try {
            try (SeekableByteChannel channel = FileChannel.open(
                    draft,
                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
                ByteBuffer bytes = ByteBuffer.wrap(Json.bytes(record.toJson()));
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
            }
            Files.move(draft, file(record.id()), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            remove(draft);
            throw new EngineException(
                    ErrorCode.RESOURCE_EXHAUSTED,
                    "the record of sandbox " + record.id() + " cannot be written (" + reason(e)
                            + "): free space on the disk of the data folder",
                    e);
        }
    }

    /** Forgets a sandbox; one without a record is no error. */
    void delete(String id) {
        remove(file(id));
    }

    /** All records by id. What cannot be read is said, removed, and counts as absent. */
    Map<String, SandboxRecord> readAll() {
        Map<String, SandboxRecord> found = new LinkedHashMap<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                String name = String.valueOf(file.getFileName());
                if (!name.endsWith(ENDING)) {
                    remove(file); // a draft
                    continue;
                }
                String id = name.substring(0, name.length() - ENDING.length());
                try {
                    found.put(id, read(file, id));
                } catch (IOException e) {
                    LOG.error("The record of sandbox {} is damaged ({}): it counts as absent", id, e.getMessage());
                    remove(file);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("the records of the sandboxes cannot be listed", e);
        }
        return found;
    }

    private static SandboxRecord read(Path file, String id) throws IOException {
        if (Files.size(file) > MAX_BYTES) {
            throw new IOException("larger than " + MAX_BYTES + " bytes");
        }
        SandboxRecord record = SandboxRecord.of(Json.parse(Files.readAllBytes(file)));
        if (!record.id().equals(id)) {
            throw new IOException("it is of another sandbox");
        }
        return record;
    }

    private Path file(String id) {
        return folder.resolve(id + ENDING);
    }

    private static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.error("The file {} cannot be removed: {}", file.getFileName(), reason(e));
        }
    }

    /** Without the path, which is no user's business. */
    private static String reason(IOException e) {
        if (e instanceof NoSuchFileException || e instanceof FileNotFoundException) {
            return "its folder is gone";
        }
        return e instanceof java.nio.file.FileSystemException system && system.getReason() != null
                ? system.getReason()
                : String.valueOf(e.getMessage());
    }
}
