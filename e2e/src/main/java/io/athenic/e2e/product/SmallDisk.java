package io.athenic.e2e.product;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** A file system of its own, mounted on a folder of its own, that can be filled to the last block and emptied again. */
public final class SmallDisk implements AutoCloseable {
    private static final Duration MINUTE = Duration.ofMinutes(1);

    private final Path image;
    private final Path folder;

    /** Sparse: it takes what is written to it. */
    public static SmallDisk mount(long bytes) {
        try {
            var disk = new SmallDisk(
                    Files.createTempFile("athenic-disk-", ".img"), Files.createTempDirectory("athenic-disk-"));
            run("truncate", "-s", Long.toString(bytes), disk.image.toString());
            run("/sbin/mkfs.ext4", "-q", "-F", "-m", "0", disk.image.toString());
            run("mount", "-o", "loop", disk.image.toString(), disk.folder.toString());
            run("chmod", "711", disk.folder.toString());
            return disk;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private SmallDisk(Path image, Path folder) {
        this.image = image;
        this.folder = folder;
    }

    public Path folder() {
        return folder;
    }

    /** Afterwards no file of it can grow by a block. */
    public void fill() {
        run("sync", "-f", folder.toString()); // what was written before takes its blocks first
        for (long size = 1L << 30; size >= 4096; size /= 2) {
            int number = 0;
            while (Command.of(
                                    "fallocate",
                                    "-l",
                                    Long.toString(size),
                                    filler(size, number).toString())
                            .run(MINUTE)
                            .status()
                    == 0) {
                number++;
            }
        }
        try (OutputStream last = Files.newOutputStream(filler(0, 0))) {
            while (true) {
                last.write(new byte[4096]);
            }
        } catch (IOException _) {
            return; // the last block is taken
        }
    }

    private Path filler(long size, int number) {
        return folder.resolve("filler-" + size + "-" + number);
    }

    /** Takes back what {@link #fill} has taken. */
    public void free() {
        try (var files = Files.newDirectoryStream(folder, "filler-*")) {
            for (Path file : files) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void run(String... words) {
        Command.Outcome outcome = Command.of(words).run(MINUTE);
        if (outcome.status() != 0) {
            throw new AssertionError(String.join(" ", words) + ": " + outcome.all());
        }
    }

    @Override
    public void close() {
        run("umount", folder.toString());
        Product.delete(folder);
        Product.delete(image);
    }
}
