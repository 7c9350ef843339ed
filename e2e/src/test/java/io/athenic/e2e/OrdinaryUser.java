package io.athenic.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2e.product.Command;
import io.athenic.e2e.product.Product;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An account without any right of root's, which the guest tests' {@code rootless_user.py} makes and, when this is closed, removes: with subordinate ids, a home
 * that nobody else can enter, an installation that is not its own, and a data folder in which the built template is mounted with its owners shifted.
 */
final class OrdinaryUser implements AutoCloseable {
    private static final Pattern READY =
            Pattern.compile("^Athenic is ready: http://127\\.0\\.0\\.1:(\\d+)$", Pattern.MULTILINE);
    private static final int IDS = 65_536;

    private final Process keeper;
    private final JsonNode told;

    OrdinaryUser() {
        Path tests = Product.HOME.resolve("engine/src/test/guest");
        try {
            keeper = new ProcessBuilder(
                            "env",
                            "PYTHONPATH=" + Product.HOME.resolve("engine/src/main/guest") + ":" + tests,
                            "PYTHONDONTWRITEBYTECODE=1",
                            "/usr/bin/python3",
                            tests.resolve("rootless_user.py").toString(),
                            Product.HOME.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            String line = keeper.inputReader().readLine();
            if (line == null) {
                throw new AssertionError("no user could be made; rootless_user.py says why");
            }
            told = Http.JSON.readTree(line);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String key() {
        return told.path("key").asText();
    }

    String home() {
        return told.path("home").asText();
    }

    /** {@code ./athenic WORDS… --data DIR}, as this user; the output goes to the log. It leads a group of its own, as in a terminal. */
    Process start(Path log, String... words) {
        var line = new ArrayList<String>();
        told.path("command").forEach(word -> line.add(word.asText()));
        line.addAll(List.of(
                "JAVA_HOME=" + System.getProperty("java.home"),
                "ATHENIC_POOL_SIZE=1",
                "env",
                "--default-signal=INT,QUIT,PIPE,HUP,TERM",
                "setsid",
                told.path("athenic").asText()));
        line.addAll(List.of(words));
        line.addAll(List.of("--data", told.path("data").asText()));
        try {
            return new ProcessBuilder(line)
                    .directory(Path.of("/").toFile())
                    .redirectErrorStream(true)
                    .redirectInput(Path.of("/dev/null").toFile())
                    .redirectOutput(log.toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The port that a started server names in its log. */
    static int await(Process launcher, Path log, Duration deadline) {
        long end = System.nanoTime() + deadline.toNanos();
        while (System.nanoTime() < end) {
            Matcher ready = READY.matcher(read(log));
            if (ready.find()) {
                return Integer.parseInt(ready.group(1));
            }
            if (!launcher.isAlive()) {
                throw new AssertionError("./athenic run ended before it was ready:\n" + read(log));
            }
            Product.pause(50);
        }
        throw new AssertionError("./athenic run was not ready within " + deadline + ":\n" + read(log));
    }

    /** Processes of this user or of one of its subordinate ids, which is where its sandboxes live: command lines by number. */
    Map<Long, String> processes() {
        int own = told.path("uid").asInt();
        int first = told.path("firstId").asInt();
        var found = new TreeMap<Long, String>();
        ProcessHandle.allProcesses().forEach(process -> {
            Path folder = Path.of("/proc", Long.toString(process.pid()));
            String status = read(folder.resolve("status"));
            Matcher uid = Pattern.compile("^Uid:\\s+(\\d+)", Pattern.MULTILINE).matcher(status);
            if (uid.find()
                    && !status.contains(
                            "State:\tZ")) { // a dead one is the machine's init's, which reaps it when it likes
                int owner = Integer.parseInt(uid.group(1));
                if (owner == own || (owner >= first && owner < first + IDS)) {
                    found.put(
                            process.pid(),
                            owner + " " + read(folder.resolve("cmdline")).replace('\0', ' '));
                }
            }
        });
        return found;
    }

    /** Empty at the latest when the system has had the time to take them away. */
    Map<Long, String> awaitNoProcesses() {
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        Map<Long, String> left = processes();
        while (!left.isEmpty() && System.nanoTime() < end) {
            Product.pause(50);
            left = processes();
        }
        return left;
    }

    /** The folder of sockets of a user without a session. */
    Path runtime() {
        return Path.of("/tmp/athenic-" + told.path("uid").asInt());
    }

    @Override
    public void close() {
        try {
            processes().keySet().forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
            keeper.outputWriter().close();
            if (!keeper.waitFor(60, TimeUnit.SECONDS) || keeper.exitValue() != 0) {
                keeper.destroyForcibly();
                throw new AssertionError("the user " + told.path("name").asText() + " could not be removed");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    static void interrupt(Process launcher) {
        Command.of("kill", "-INT", "--", "-" + launcher.pid()).run(Duration.ofSeconds(60));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return ""; // gone meanwhile
        }
    }
}
