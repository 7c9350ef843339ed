package io.athenic.engine.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Looks at the machine, not at our own books: processes, control groups, mounts, sockets and disks of an instance of roomd. */
public final class NothingLeft {
    private NothingLeft() {}

    /** What is left of an instance that has ended; empty is good. */
    public static List<String> of(RoomdProcess roomd) {
        List<String> left = new ArrayList<>();
        cgroups(roomd.instance()).forEach(path -> left.add("cgroup " + path));
        processes(roomd).forEach(pid -> left.add("process " + pid));
        mounts(roomd).forEach(mount -> left.add("mount " + mount));
        children(roomd.runtime().resolve("s")).forEach(path -> left.add("socket folder " + path));
        disks(roomd).forEach(path -> left.add("disk " + path));
        return left;
    }

    /** The sandboxes that have a control group, a socket folder or a disk, by name. */
    public static Set<String> sandboxes(RoomdProcess roomd) {
        Set<String> names = new TreeSet<>();
        for (Path path : cgroups(roomd.instance())) {
            names.add(String.valueOf(path.getFileName()));
        }
        children(roomd.runtime().resolve("s")).forEach(path -> names.add(String.valueOf(path.getFileName())));
        names.removeIf(name -> !name.matches("i[a-z0-9]{20,31}"));
        return names;
    }

    /** Folders below the instance's control groups, and these, in every hierarchy. */
    private static List<Path> cgroups(String instance) {
        List<Path> found = new ArrayList<>();
        try {
            Files.walkFileTree(Path.of("/sys/fs/cgroup"), Set.of(), 6, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                    if (folder.toString().contains(instance)) {
                        found.add(folder);
                    }
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException e) {
                    return FileVisitResult.CONTINUE; // gone meanwhile: another instance's
                }

                @Override
                public FileVisitResult postVisitDirectory(
                        Path folder, java.io.@org.jspecify.annotations.Nullable IOException e) {
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found;
    }

    /** The processes in its control groups, those of rooms and zygotes. One that has ended is its parent's to reap, which may be the machine's init. */
    public static List<String> processes(RoomdProcess roomd) {
        return children(Path.of("/proc")).stream()
                .map(path -> String.valueOf(path.getFileName()))
                .filter(name -> name.matches("[0-9]+"))
                .filter(pid -> read(Path.of("/proc", pid, "cgroup")).contains(roomd.instance()))
                .filter(pid -> lives(read(Path.of("/proc", pid, "status"))))
                .toList();
    }

    /** By /proc/PID/status, which is empty when the process went a moment ago. */
    private static boolean lives(String status) {
        return status.contains("State:") && !status.contains("State:\tZ") && !status.contains("State:\tX");
    }

    private static List<String> mounts(RoomdProcess roomd) {
        return read(Path.of("/proc/mounts"))
                .lines()
                .filter(line -> line.contains(roomd.data().toString()) || line.contains(roomd.instance()))
                .toList();
    }

    /** Files of sandboxes in the data directory; links, as that to the template, are not followed. */
    private static List<Path> disks(RoomdProcess roomd) {
        try (Stream<Path> all = Files.find(roomd.data(), 4, (path, _) -> isSandbox(path))) {
            return all.toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isSandbox(Path path) {
        return String.valueOf(path.getFileName()).matches("i[a-z0-9]{20,31}(\\..*)?");
    }

    private static List<Path> children(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(folder)) {
            return children.toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException _) {
            return ""; // a process that has just ended
        }
    }
}
