package io.athenic.server.template;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * What a COPY step takes along: a tar of the files, the same for the same files, known by its hash.
 *
 * @param path temporary; deleted on closing
 */
record Archive(Path path, String hash) implements AutoCloseable {
    /** Owners and times are left out: they differ where the files do not. */
    private static final List<String> TAR = List.of(
            "tar", "--create", "--sort=name", "--mtime=@1577836800", "--owner=0", "--group=0", "--numeric-owner");

    /** @throws DefinitionException there is no such file */
    static Archive of(Path folder, String source) throws IOException, InterruptedException {
        if (!Files.exists(folder.resolve(source))) {
            throw new DefinitionException("there is no '" + source + "' in " + folder);
        }
        var path = Files.createTempFile("athenic-files-", ".tar");
        try {
            var command = new java.util.ArrayList<>(TAR);
            command.addAll(List.of("--file", path.toString(), "--directory", folder.toString(), "--", source));
            var tar = new ProcessBuilder(command).redirectErrorStream(true).start();
            var said = new String(tar.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
            if (tar.waitFor() != 0) {
                throw new IOException("tar could not read '" + source + "': " + said.strip());
            }
            return new Archive(path, hash(path));
        } catch (IOException | InterruptedException | RuntimeException e) {
            Files.deleteIfExists(path);
            throw e;
        }
    }

    private static String hash(Path path) throws IOException {
        try (InputStream in = Files.newInputStream(path)) {
            var digest = MessageDigest.getInstance("SHA-256");
            var buffer = new byte[1 << 16];
            for (var count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                digest.update(buffer, 0, count);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() throws IOException {
        Files.deleteIfExists(path);
    }
}
