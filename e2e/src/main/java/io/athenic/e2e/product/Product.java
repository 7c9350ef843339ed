package io.athenic.e2e.product;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The running product, started as a user starts it: {@code ./athenic run} on a data folder of its own, on free ports. The launcher leads a process group of its
 * own with the default signal handling, as in a terminal, so that {@link #interrupt()} is what Ctrl-C does.
 */
public final class Product implements AutoCloseable {
    /** The checkout whose launcher is used. */
    public static final Path HOME = Path.of(
                    System.getProperty("athenic.home", System.getenv().getOrDefault("ATHENIC_HOME", "..")))
            .toAbsolutePath()
            .normalize();
    /** Logs and screenshots of a run. */
    public static final Path TARGET = HOME.resolve("e2e/target");

    private static final Path TEMPLATES =
            Path.of(System.getenv().getOrDefault("ATHENIC_TEST_DATA", "/var/lib/athenic"), "templates");
    private static final String TEMPLATE = "code-interpreter";
    private static final Pattern READY =
            Pattern.compile("^Athenic is ready: http://127\\.0\\.0\\.1:(\\d+)$", Pattern.MULTILINE);
    /** The first start may have to build the jar, and the server learns; later ones take seconds. */
    private static final Duration START = Duration.ofMinutes(8);

    private final Path data;
    private final Process launcher;
    private final Path log;
    private final int port;
    private final int e2bPort;

    private Product(Path data, Process launcher, Path log, int port, int e2bPort) {
        this.data = data;
        this.launcher = launcher;
        this.log = log;
        this.port = port;
        this.e2bPort = e2bPort;
    }

    /** A fresh data folder that sees the machine's built template. */
    public static Path newData() {
        return newData(Path.of(System.getProperty("java.io.tmpdir")));
    }

    /** As {@link #newData()}, in that folder. */
    public static Path newData(Path folder) {
        if (!Files.isDirectory(TEMPLATES.resolve(TEMPLATE))) {
            throw new AssertionError("no built template in " + TEMPLATES
                    + ": run ./athenic test, or set ATHENIC_TEST_DATA to a data folder that has one");
        }
        try {
            Path data = Files.createTempDirectory(folder, "athenic-e2e-").toRealPath();
            // The folder must be a real one, since only root may change it; the template in it may be a link that root
            // made.
            Path templates = Files.createDirectory(data.resolve("templates"));
            Files.createSymbolicLink(
                    templates.resolve(TEMPLATE), TEMPLATES.resolve(TEMPLATE).toRealPath());
            return data;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The folder of the machine's built templates. */
    public static Path templates() {
        return TEMPLATES;
    }

    /** Starts on {@code data} and returns when it says that it is ready. */
    public static Product start(Path data, Map<String, String> environment) {
        try {
            Files.createDirectories(TARGET);
            Path log = TARGET.resolve("run-" + data.getFileName() + "-" + System.nanoTime() + ".log");
            var words = List.of(
                    "env",
                    "--default-signal=INT,QUIT,PIPE,HUP,TERM",
                    "setsid",
                    HOME.resolve("athenic").toString(),
                    "run",
                    "--port",
                    "0",
                    "--e2b-port",
                    "0",
                    "--data",
                    data.toString());
            var builder = new ProcessBuilder(words)
                    .directory(HOME.toFile())
                    .redirectErrorStream(true)
                    .redirectInput(Path.of("/dev/null").toFile())
                    .redirectOutput(log.toFile());
            Command.clean(builder.environment());
            builder.environment().putAll(environment);
            Process launcher = builder.start();
            return await(data, launcher, log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Product await(Path data, Process launcher, Path log) throws IOException {
        long end = System.nanoTime() + START.toNanos();
        while (System.nanoTime() < end && launcher.isAlive()) {
            Matcher ready = READY.matcher(Files.readString(log));
            if (ready.find()) {
                int e2bPort = serverFile(data).path("e2bPort").asInt();
                return new Product(data, launcher, log, Integer.parseInt(ready.group(1)), e2bPort);
            }
            pause(20);
        }
        String text = Files.readString(log);
        boolean alive = launcher.isAlive();
        signal("-KILL", launcher.pid());
        launcher.descendants().forEach(ProcessHandle::destroyForcibly);
        launcher.destroyForcibly();
        throw new AssertionError("./athenic run "
                + (alive ? "was not ready within " + START : "ended before it was ready") + ":\n" + text);
    }

    public Path data() {
        return data;
    }

    public int port() {
        return port;
    }

    public int e2bPort() {
        return e2bPort;
    }

    public String apiKey() {
        try {
            return Files.readString(data.resolve("app/api-key")).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static JsonNode serverFile(Path data) {
        try {
            return new ObjectMapper().readTree(data.resolve("app/server.json").toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits until the launcher has started a server for the {@code count}-th time, and it is ready. */
    public void awaitStart(int count) {
        long end = System.nanoTime() + START.toNanos();
        while (READY.matcher(log()).results().count() < count) {
            if (System.nanoTime() > end || !launcher.isAlive()) {
                throw new AssertionError("the server was not started again\n" + lastOfLog());
            }
            pause(20);
        }
    }

    /** Kills the server and the launcher so that neither notices the other's end. */
    public void killServerAndLauncher() {
        signal("-STOP", launcher.pid()); // else it would start another server, or its end would end the server in order
        server().destroyForcibly();
        launcher.destroyForcibly();
        awaitEnd();
    }

    /** The server's process as it is now; it is not the launcher's. */
    public ProcessHandle server() {
        return ProcessHandle.of(serverFile(data).path("pid").asLong())
                .orElseThrow(() -> new AssertionError("the server is not running\n" + lastOfLog()));
    }

    public ProcessHandle launcher() {
        return launcher.toHandle();
    }

    /** The root process that makes rooms: the one that was started with our runtime folder and is no child of another such. */
    public ProcessHandle roomd() {
        String runtime = "/run/athenic/" + leftovers().name();
        var candidates = new ArrayList<ProcessHandle>();
        ProcessHandle.allProcesses()
                .filter(process -> commandLine(process).contains("roomd.py")
                        && commandLine(process).contains(runtime))
                .forEach(candidates::add);
        return candidates.stream()
                .filter(process -> process.parent()
                        .map(parent -> !commandLine(parent).contains("roomd.py"))
                        .orElse(true))
                .findFirst()
                .orElseThrow(() -> new AssertionError("roomd is not running\n" + lastOfLog()));
    }

    public Leftovers leftovers() {
        return Leftovers.of(data);
    }

    /** For a failure's words; all of it is in the file. */
    private String lastOfLog() {
        String text = log();
        return "the log's end (" + log + "):\n" + text.substring(Math.max(0, text.length() - 4000));
    }

    public String log() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Ctrl-C in the launcher's terminal; gives back the launcher's exit status. */
    public int interrupt() {
        signal("-INT", -launcher.pid());
        return awaitEnd();
    }

    /** What a service manager does; gives back the launcher's exit status. */
    public int terminate() {
        signal("-TERM", launcher.pid());
        return awaitEnd();
    }

    public int awaitEnd() {
        try {
            if (!launcher.waitFor(120, TimeUnit.SECONDS)) {
                throw new AssertionError("./athenic run did not end within 120 s\n" + lastOfLog());
            }
            return launcher.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    public boolean isRunning() {
        return launcher.isAlive();
    }

    /** Stops it if it runs, fails if anything is left of it, and removes its data. */
    @Override
    public void close() {
        try {
            if (launcher.isAlive()) {
                interrupt();
            }
            List<String> left = leftovers().await(Duration.ofSeconds(60));
            if (!left.isEmpty()) {
                throw new AssertionError("left behind:\n" + String.join("\n", left) + "\n" + lastOfLog());
            }
        } finally {
            if (launcher.isAlive()) {
                signal("-KILL", -launcher.pid());
            }
            delete(data);
        }
    }

    private static String commandLine(ProcessHandle process) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(process.pid()), "cmdline"))
                    .replace('\0', ' ');
        } catch (IOException e) {
            return ""; // ended meanwhile
        }
    }

    /** kill(1): a negative number is a process group. */
    private static void signal(String signal, long target) {
        Command.of("kill", signal, "--", Long.toString(target)).run(Duration.ofSeconds(60));
    }

    public static void pause(long millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** Removes a data folder; links are not followed. */
    public static void delete(Path folder) {
        if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            try (var paths = Files.list(folder)) {
                paths.toList().forEach(Product::delete);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        try {
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
