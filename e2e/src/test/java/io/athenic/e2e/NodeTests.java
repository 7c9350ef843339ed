package io.athenic.e2e;

import io.athenic.e2e.product.Command;
import io.athenic.e2e.product.Command.Outcome;
import io.athenic.e2e.product.Product;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/** A folder with a package.json whose tests run on Node.js; its packages are installed when its lock file has changed. */
final class NodeTests {
    private NodeTests() {}

    /** @throws AssertionError a test failed, or none ran; with what was said of it */
    static void run(String folder, Map<String, String> environment) {
        Path path = Product.HOME.resolve("e2e").resolve(folder);
        install(path);
        Outcome outcome =
                Command.of("npm", "test", "--silent").in(path).with(environment).run(Duration.ofMinutes(10));
        boolean ran = outcome.output()
                .lines()
                .anyMatch(line -> line.matches("# pass [1-9]\\d*") || line.matches("ℹ pass [1-9]\\d*"));
        if (outcome.status() != 0 || !ran) {
            throw new AssertionError("the tests in e2e/" + folder + " failed\n" + brief(outcome));
        }
    }

    /** Node's reporter repeats at the end what failed. */
    private static String brief(Outcome outcome) {
        int failures = outcome.output().indexOf("failing tests:");
        return failures < 0
                ? outcome.all()
                : outcome.output().substring(failures) + "\n--- stderr\n" + outcome.errors();
    }

    private static void install(Path path) {
        try {
            String lock = Files.readString(path.resolve("package-lock.json"));
            Path stamp = path.resolve("node_modules/.lock");
            if (Files.exists(stamp) && Files.readString(stamp).equals(lock)) {
                return;
            }
            Outcome installed = Command.of("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
                    .in(path)
                    .run(Duration.ofMinutes(10));
            if (installed.status() != 0) {
                throw new AssertionError("npm ci failed in " + path + "\n" + installed.all());
            }
            Files.writeString(stamp, lock);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
