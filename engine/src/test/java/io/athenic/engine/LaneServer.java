package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.engine.testing.RoomdProcess;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A {@link ServerOfLanes} in a process of its own. */
final class LaneServer implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private final Process process;
    private final Path log;
    private final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();
    private final Set<Lane> done = ConcurrentHashMap.newKeySet();
    private final Set<String> failed = ConcurrentHashMap.newKeySet();

    LaneServer(Path socket, RoomdProcess roomd, Path log, int pool) throws IOException {
        this.log = log;
        this.process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-Xmx128m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        ServerOfLanes.class.getName(),
                        socket.toString(),
                        roomd.data().resolve("templates").toString(),
                        roomd.records().toString(),
                        Integer.toString(pool))
                .redirectError(log.toFile())
                .start();
        Thread.ofPlatform().daemon().name("lane-server").start(this::read);
    }

    private void read() {
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                if (line.startsWith("did ")) {
                    done.add(Lane.valueOf(line.substring(4)));
                } else if (line.startsWith("failed ")) {
                    failed.add(line);
                } else {
                    lines.add(line);
                }
            }
        } catch (IOException _) {
            // it was killed
        }
        lines.add("the server has ended");
    }

    /** The lanes that came to their end. */
    Set<Lane> done() {
        assertThat(failed).as(said()).isEmpty();
        return Set.copyOf(done);
    }

    /** What it answers, the last line left out. */
    List<String> ask(String line) throws InterruptedException {
        OutputStream to = process.getOutputStream();
        try {
            to.write((line + "\n").getBytes(StandardCharsets.UTF_8));
            to.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("the server has ended: " + said(), e);
        }
        List<String> answer = new ArrayList<>();
        while (true) {
            String next = lines.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            assertThat(next)
                    .as("answer to %s; so far %s; %s", line, answer, said())
                    .isNotNull();
            assertThat(next).as(said()).doesNotStartWith("the server has");
            if (next.equals("end")) {
                return answer;
            }
            answer.add(next);
        }
    }

    private String said() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** An orderly end. */
    void end() throws InterruptedException, IOException {
        process.getOutputStream().close();
        assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS))
                .as(said())
                .isTrue();
    }

    @Override
    public void close() {
        kill();
    }

    void kill() {
        process.destroyForcibly().onExit().join();
    }
}
