package io.athenic.engine.template;

import io.athenic.engine.EngineException;
import io.athenic.engine.ErrorCode;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;

/** Archives (tar, plain or gzip) that COPY steps take files from, each known by a hash of its sender's. The oldest go when there are too many. */
public final class CopiedFiles {
    /** Of one archive. */
    public static final long MAX_BYTES = 2L << 30;

    private static final long MAX_TOTAL = 4L << 30;
    private static final Pattern HASH = Pattern.compile("[0-9a-zA-Z_-]{8,128}");

    private final Path folder;

    /** Makes the folder; what an earlier life left half-written is removed. */
    public CopiedFiles(Path folder) {
        this.folder = folder;
        try {
            Files.createDirectories(folder);
            try (DirectoryStream<Path> rest = Files.newDirectoryStream(folder, "*.part")) {
                for (Path part : rest) {
                    Files.deleteIfExists(part);
                }
            }
        } catch (IOException e) {
            throw new EngineException(ErrorCode.INTERNAL, "the folder of copied files cannot be made", e);
        }
    }

    public static void check(String hash) {
        if (!HASH.matcher(hash).matches()) {
            throw new EngineException(
                    ErrorCode.INVALID_ARGUMENT, "the hash of copied files has 8 to 128 letters and digits");
        }
    }

    public boolean has(String hash) {
        check(hash);
        return Files.exists(path(hash));
    }

    InputStream open(String hash) {
        check(hash);
        try {
            Files.setLastModifiedTime(path(hash), FileTime.from(Instant.now()));
            return Files.newInputStream(path(hash));
        } catch (NoSuchFileException e) {
            throw new EngineException(
                    ErrorCode.FAILED_PRECONDITION, "the files of a COPY step were not sent: build again", e);
        } catch (IOException e) {
            throw new EngineException(ErrorCode.INTERNAL, "copied files cannot be read", e);
        }
    }

    /** Keeps an archive; a broken one, or one over the bound, leaves nothing. */
    public void put(String hash, InputStream bytes) throws IOException {
        check(hash);
        Path part = folder.resolve(UUID.randomUUID() + ".part");
        try {
            try (OutputStream out = Files.newOutputStream(part)) {
                copy(bytes, out);
            }
            Files.move(part, path(hash), StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(part);
        }
        trim();
    }

    private static void copy(InputStream from, OutputStream to) throws IOException {
        byte[] buffer = new byte[1 << 16];
        long left = MAX_BYTES;
        for (int count = from.read(buffer); count >= 0; count = from.read(buffer)) {
            left -= count;
            if (left < 0) {
                throw new EngineException(
                        ErrorCode.RESOURCE_EXHAUSTED,
                        "copied files are more than " + (MAX_BYTES >> 20) + " MiB: copy fewer at a time");
            }
            to.write(buffer, 0, count);
        }
    }

    private synchronized void trim() throws IOException {
        record Aged(Path path, long bytes, FileTime at) {}
        List<Aged> all = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.tar")) {
            for (Path file : files) {
                all.add(new Aged(file, Files.size(file), Files.getLastModifiedTime(file)));
            }
        }
        long total = all.stream().mapToLong(Aged::bytes).sum();
        all.sort(Comparator.comparing(Aged::at));
        for (Aged each : all) {
            if (total <= MAX_TOTAL) {
                return;
            }
            Files.deleteIfExists(each.path());
            total -= each.bytes();
        }
    }

    private Path path(String hash) {
        return folder.resolve(hash + ".tar");
    }
}
