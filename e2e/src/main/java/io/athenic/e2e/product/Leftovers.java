package io.athenic.e2e.product;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * What an ended server has left in the system, found from outside: by the names that docs/PROTOCOL.md promises (cgroup {@code athenic/NAME}, sockets in {@code
 * /run/athenic/NAME}) and by the path of its data folder. Other instances on the machine are not looked at.
 */
public record Leftovers(Path data, String name) {
    /** Those of the instance that runs, or ran, on this data folder. */
    public static Leftovers of(Path data) {
        return new Leftovers(data, name(data));
    }

    /** Empty when nothing is left; otherwise one line for each thing. */
    public List<String> find() {
        var found = new ArrayList<String>();
        processes(found);
        groups(found);
        mounts(found);
        loopDevices(found);
        if (Files.exists(Path.of("/run/athenic", name + ".lock"))) {
            found.add("lock /run/athenic/" + name + ".lock");
        }
        if (Files.exists(Path.of("/run/athenic", name))) {
            found.add("socket folder /run/athenic/" + name + " " + list(Path.of("/run/athenic", name)));
        }
        files(data.resolve("app/tmp")).forEach(file -> found.add("temporary file " + file));
        files(data.resolve("sandboxes")).forEach(file -> found.add("sandbox file " + file));
        files(data.resolve("app/sandboxes")).forEach(file -> found.add("record " + file));
        if (Files.exists(data.resolve("app/server.json"))) {
            found.add("app/server.json");
        }
        return found;
    }

    /** As {@link #find()}, but waits for the system to take things away; the deadline is for a busy machine. */
    public List<String> await(Duration deadline) {
        long end = System.nanoTime() + deadline.toNanos();
        List<String> found = find();
        while (!found.isEmpty() && System.nanoTime() < end) {
            pause();
            found = find();
        }
        return found;
    }

    /** How many rooms have a control group now, those of the pool too. */
    public long rooms() {
        return hierarchies()
                .map(root -> root.resolve("athenic").resolve(name))
                .filter(Files::isDirectory)
                .flatMap(Leftovers::children)
                .filter(Files::isDirectory)
                .map(folder -> folder.getFileName().toString())
                .filter(folder -> !folder.startsWith("_"))
                .distinct()
                .count();
    }

    /** The control groups of this instance's rooms, one path for each hierarchy that has it. */
    public List<Path> groups(String sandbox) {
        return hierarchies()
                .map(root -> root.resolve("athenic").resolve(name))
                .filter(Files::isDirectory)
                .flatMap(Leftovers::children)
                .filter(folder -> folder.getFileName().toString().contains(sandbox))
                .toList();
    }

    /** First 12 hexadecimal digits of SHA-256 of the data folder's real path: docs/PROTOCOL.md, section 2. */
    private static String name(Path data) {
        try {
            byte[] hash =
                    MessageDigest.getInstance("SHA-256").digest(data.toString().getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash).substring(0, 12);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private void processes(List<String> found) {
        for (Path folder : children(Path.of("/proc")).toList()) {
            if (!folder.getFileName().toString().matches("\\d+")) {
                continue;
            }
            String line = read(folder.resolve("cmdline")).replace('\0', ' ').strip();
            boolean ours = line.contains(data.toString()) || line.contains("/run/athenic/" + name);
            if (ours || read(folder.resolve("cgroup")).contains("athenic/" + name)) {
                found.add("process " + folder.getFileName() + " "
                        + (line.isEmpty() ? read(folder.resolve("comm")).strip() : line));
            }
        }
    }

    private void groups(List<String> found) {
        hierarchies()
                .map(root -> root.resolve("athenic").resolve(name))
                .filter(Files::exists)
                .forEach(folder -> found.add("cgroup " + folder + " "
                        + list(folder).stream()
                                .filter(path -> Files.isDirectory(path))
                                .toList()));
    }

    private void mounts(List<String> found) {
        read(Path.of("/proc/self/mountinfo"))
                .lines()
                .filter(line -> line.contains(data.toString()) || line.contains("/run/athenic/" + name))
                .forEach(line -> found.add("mount " + line));
    }

    private void loopDevices(List<String> found) {
        children(Path.of("/sys/block"))
                .filter(device -> device.getFileName().toString().startsWith("loop"))
                .filter(device -> read(device.resolve("loop/backing_file")).contains(data.toString()))
                .forEach(device -> found.add("loop device " + device.getFileName()));
    }

    private static Stream<Path> hierarchies() {
        Path root = Path.of("/sys/fs/cgroup");
        return Stream.concat(Stream.of(root), children(root));
    }

    private static List<Path> list(Path folder) {
        return children(folder).toList();
    }

    /** Every file below, links not followed; what vanishes meanwhile is passed over. */
    private static Stream<Path> files(Path folder) {
        var all = new ArrayList<Path>();
        visit(folder, all::add);
        return all.stream();
    }

    private static void visit(Path folder, Consumer<Path> add) {
        children(folder).forEach(path -> {
            if (Files.isDirectory(path, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
                visit(path, add);
            } else {
                add.accept(path);
            }
        });
    }

    private static Stream<Path> children(Path folder) {
        try (var paths = Files.list(folder)) {
            return paths.toList().stream();
        } catch (IOException | UncheckedIOException e) {
            return Stream.empty(); // gone meanwhile, or no folder
        }
    }

    private static String read(Path file) {
        try {
            return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
        } catch (IOException e) {
            return ""; // gone meanwhile
        }
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(50);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }
}
