package io.athenic.server;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.regex.Pattern;

/** The key of the E2B API on this machine: {@code e2b_} and 40 hex digits, in a file that only the server's account reads. */
final class ApiKey {
    private static final Pattern SHAPE = Pattern.compile("e2b_[0-9a-f]{40}");

    private ApiKey() {}

    static String readOrMake(Path file) throws IOException {
        if (!Files.exists(file)) {
            var random = new byte[20];
            new SecureRandom().nextBytes(random);
            try {
                Files.createFile(
                        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
                Files.writeString(file, "e2b_" + HexFormat.of().formatHex(random) + "\n");
            } catch (FileAlreadyExistsException e) {
                // another start was faster: read its key
            }
        }
        String key = Files.readString(file).strip();
        if (!SHAPE.matcher(key).matches()) {
            throw new StartException(
                    file.getFileName()
                            + " in the data folder does not hold a key (e2b_ and 40 hex digits): delete it, and a new one is made");
        }
        return key;
    }
}
