package io.athenic.engine.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A roomd of its own with a data directory of its own, in which the built template is a link. */
public final class RoomdProcess implements AutoCloseable {
    private static final Duration READY = Duration.ofSeconds(60);
    private static final Duration END = Duration.ofSeconds(60);

    private final Path data;
    private final Path log;
    private final String instance;
    private final int linger;
    private Process process;

    /** One that ends as soon as its client has left. */
    public static RoomdProcess start() {
        return start(0);
    }

    /** One that keeps its rooms for so many seconds after its client has left without saying that it is the end. */
    public static RoomdProcess start(int linger) {
        TestData.requireRoot();
        try {
            Path data = Files.createTempDirectory("athenic-test-").toRealPath();
            Files.createDirectory(data.resolve("templates"));
            Files.createSymbolicLink(
                    data.resolve("templates", "code-interpreter"),
                    TestData.data().toRealPath().resolve("templates", "code-interpreter"));
            RoomdProcess roomd = new RoomdProcess(data, linger);
            roomd.awaitReady();
            return roomd;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private RoomdProcess(Path data, int linger) throws IOException {
        this.data = data;
        this.log = data.resolve("roomd.log");
        this.instance = name(data);
        this.linger = linger;
        this.process = launch(data, log, instance, linger);
    }

    private static Process launch(Path data, Path log, String instance, int linger) throws IOException {
        return new ProcessBuilder(List.of(
                        "/usr/bin/python3",
                        "-I",
                        "-B",
                        TestData.guest().resolve("roomd.py").toString(),
                        "--data",
                        data.toString(),
                        "--runtime",
                        Path.of("/run/athenic", instance).toString(),
                        "--uid",
                        "0",
                        "--gid",
                        "0",
                        "--linger",
                        Integer.toString(linger)))
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
    }

    /** Starts another roomd after this one was killed, as the service does after a crash. */
    public void restart() {
        try {
            process.waitFor();
            Files.delete(log);
            process = launch(data, log, instance, linger);
            awaitReady();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** docs/PROTOCOL.md, section 2: the name of an instance. */
    private static String name(Path data) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256")
                    .digest(data.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash).substring(0, 12);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private void awaitReady() throws IOException {
        long deadline = System.nanoTime() + READY.toNanos();
        while (!Files.readString(log).contains("roomd ready")) {
            if (!process.isAlive() || System.nanoTime() > deadline) {
                String said = Files.readString(log);
                process.destroyForcibly();
                throw new IllegalStateException("roomd did not start: " + said);
            }
            pause();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(10);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    public Path data() {
        return data;
    }

    /** Where an engine with this roomd keeps its sandboxes' records. */
    public Path records() {
        return data.resolve("app", "sandboxes");
    }

    public Path socket() {
        return runtime().resolve("roomd.sock");
    }

    public Path runtime() {
        return Path.of("/run/athenic", instance);
    }

    /** The name that everything this roomd makes on the machine is found by. */
    public String instance() {
        return instance;
    }

    public ProcessHandle handle() {
        return process.toHandle();
    }

    /** What roomd said. */
    public String log() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A room's first process ends only when the machine's init has reaped those that it inherited, which takes it seconds. */
    private List<String> awaitNothing() throws InterruptedException {
        long end = System.nanoTime() + END.toNanos();
        List<String> left = NothingLeft.of(this);
        while (!left.isEmpty() && System.nanoTime() < end) {
            Thread.sleep(50);
            left = NothingLeft.of(this);
        }
        return left;
    }

    /** Waits for the end that follows its client's, and fails if anything is left of its rooms. */
    @Override
    public void close() {
        try {
            if (!process.waitFor(END.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError("roomd did not end after its client had left:\n" + log());
            }
            List<String> left = awaitNothing();
            if (!left.isEmpty()) {
                throw new AssertionError("left behind: " + left + "\nroomd said:\n" + log());
            }
            delete(data);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) { // links are not followed
            for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
