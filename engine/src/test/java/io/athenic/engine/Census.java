package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.engine.testing.NothingLeft;
import io.athenic.engine.testing.RoomdProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a {@link ServerOfLanes} without a pool lists, and whether there is more, or less, on the machine. */
record Census(List<Entry> sandboxes, List<Entry> snapshots) {
    /** @param more of a sandbox the layers that it stands on, of a snapshot its sandbox */
    record Entry(String id, String kind, List<String> more) {}

    static Census of(List<String> listed) {
        return new Census(entries(listed, "sandbox"), entries(listed, "snapshot"));
    }

    private static List<Entry> entries(List<String> listed, String what) {
        return listed.stream()
                .map(line -> line.split(" ", -1))
                .filter(words -> words[0].equals(what))
                .map(words -> new Entry(words[1], words[2], parts(words[3])))
                .toList();
    }

    private static List<String> parts(String text) {
        return text.isEmpty() ? List.of() : Arrays.asList(text.split(","));
    }

    /** The ids of the sandboxes. */
    Set<String> ids() {
        return ids(_ -> true);
    }

    private Set<String> ids(Predicate<String> kind) {
        return sandboxes.stream()
                .filter(sandbox -> kind.test(sandbox.kind()))
                .map(Entry::id)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    void isAllThereIs(String title, RoomdProcess roomd) {
        Set<String> rooms = ids(kind -> !kind.equals("PAUSED_FILES"));
        Set<String> frozen = ids(kind -> kind.equals("PAUSED"));
        Set<String> stored = ids(kind -> kind.equals("PAUSED_FILES"));
        Set<String> mounted = new TreeSet<>();
        sandboxes.stream()
                .filter(sandbox -> rooms.contains(sandbox.id()))
                .forEach(sandbox -> mounted.addAll(sandbox.more()));
        Set<String> layers = new TreeSet<>();
        sandboxes.forEach(sandbox -> layers.addAll(sandbox.more()));
        snapshots.forEach(snapshot -> layers.add(snapshot.id()));
        Set<String> kept = named(stored, ".img", ".json");
        kept.addAll(named(frozen, ".json"));

        assertThat(NothingLeft.sandboxes(roomd)).as(title).isEqualTo(rooms);
        assertThat(files(roomd, "app/sandboxes")).as(title).isEqualTo(named(ids(), ".json"));
        assertThat(files(roomd, "sandboxes")).as(title).isEqualTo(named(rooms, ".img"));
        assertThat(files(roomd, "kept")).as(title).isEqualTo(kept);
        assertThat(files(roomd, "snapshots")).as(title).isEqualTo(named(layers, ".img", ".json"));
        assertThat(files(roomd, "templates/.trees")).as(title).allMatch(name -> name.matches("[0-9a-f]{32}"));
        assertThat(loops(roomd)).as(title).isEqualTo(rooms.size() + mounted.size());
    }

    private static Set<String> named(Set<String> ids, String... endings) {
        Set<String> names = new TreeSet<>();
        for (String ending : endings) {
            ids.forEach(id -> names.add(id + ending));
        }
        return names;
    }

    private static Set<String> files(RoomdProcess roomd, String name) {
        try (Stream<Path> files = Files.list(roomd.data().resolve(name))) {
            return files.map(file -> String.valueOf(file.getFileName())).collect(Collectors.toCollection(TreeSet::new));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Loop devices on files of the data directory. */
    private static long loops(RoomdProcess roomd) {
        try (Stream<Path> devices = Files.list(Path.of("/sys/block"))) {
            return devices.map(device -> device.resolve("loop/backing_file"))
                    .filter(file -> read(file).contains(roomd.data().toString()))
                    .count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException _) {
            return ""; // not in use
        }
    }
}
