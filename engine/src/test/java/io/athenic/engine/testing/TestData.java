package io.athenic.engine.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds what real rooms need on the machine that runs the tests. A missing need fails with its remedy, it is never skipped. */
final class TestData {
    private TestData() {}

    /** The data directory with the built template. */
    static Path data() {
        String named = Optional.ofNullable(System.getProperty("athenic.test.data"))
                .or(() -> Optional.ofNullable(System.getenv("ATHENIC_TEST_DATA")))
                .orElse("/var/lib/athenic");
        if (Files.isDirectory(Path.of(named, "templates", "code-interpreter", "rootfs"))) {
            return Path.of(named);
        }
        throw new IllegalStateException(
                "no template code-interpreter in " + named
                        + ": build it with `python3 engine/src/main/guest/template.py build --data DIR` and set ATHENIC_TEST_DATA=DIR");
    }

    /** The folder of the guest's Python, of which roomd.py is the start. */
    static Path guest() {
        String named = System.getProperty("athenic.test.guest");
        if (named != null) {
            return Path.of(named);
        }
        Path here = Path.of("").toAbsolutePath();
        return Stream.<Path>iterate(here, path -> path != null, Path::getParent)
                .map(path -> path.resolve("engine", "src", "main", "guest"))
                .filter(path -> Files.exists(path.resolve("roomd.py")))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("engine/src/main/guest/roomd.py not found above " + here));
    }

    static void requireRoot() {
        if (!System.getProperty("user.name").equals("root")) {
            throw new IllegalStateException(
                    "these tests start a real roomd, which needs root: run them as root, as `./athenic test` does");
        }
    }
}
