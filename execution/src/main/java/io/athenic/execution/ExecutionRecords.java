package io.athenic.execution;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The records of durable executions: a file {@code ID.json} each, beside the files of their logs. Safe for many threads. */
final class ExecutionRecords {
    private static final Logger LOG = LoggerFactory.getLogger(ExecutionRecords.class);
    private static final String ENDING = ".json";

    private final Path folder;

    ExecutionRecords(Path folder) {
        this.folder = folder;
    }

    /** Writes the record of a durable execution as it is now; a failure is logged, since the execution itself can go on. */
    void save(Execution execution) {
        if (!execution.isDurable() || execution.sandboxId().isEmpty()) {
            return;
        }
        Path target = file(execution.id());
        Path draft = folder.resolve(execution.id() + ".new");
        try {
            Files.write(draft, Json.MAPPER.writeValueAsBytes(ExecutionRecord.of(execution)));
            Object ignored =
                    Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            LogSegment.delete(draft);
            LOG.warn(
                    "execution {}: its record cannot be written, a restart would lose it: {}",
                    execution.id(),
                    e.toString());
        }
    }

    void delete(String executionId) {
        LogSegment.delete(file(executionId));
    }

    /** All records, in the order of their start. What cannot be read, and files that belong to no record, are deleted. */
    List<ExecutionRecord> load() {
        List<ExecutionRecord> found = new ArrayList<>();
        for (Path file : list()) {
            if (file.getFileName().toString().endsWith(ENDING)) {
                try {
                    found.add(Json.MAPPER.readValue(file.toFile(), ExecutionRecord.class));
                } catch (IOException e) {
                    LOG.warn("{} is no record of an execution and is deleted: {}", file, e.getMessage());
                    LogSegment.delete(file);
                }
            }
        }
        Set<String> known = found.stream().map(ExecutionRecord::id).collect(Collectors.toSet());
        for (Path file : list()) {
            String name = file.getFileName().toString();
            boolean log = name.endsWith(".log") && name.lastIndexOf('-') > 0;
            if (name.endsWith(".new") || (log && !known.contains(name.substring(0, name.lastIndexOf('-'))))) {
                LogSegment.delete(file);
            }
        }
        found.sort(Comparator.comparingLong(ExecutionRecord::ordinal));
        return found;
    }

    private Path file(String executionId) {
        return folder.resolve(executionId + ENDING);
    }

    private List<Path> list() {
        try (var files = Files.list(folder)) {
            return files.toList();
        } catch (IOException e) {
            throw new UncheckedIOException("the folder for logs of executions cannot be read: " + folder, e);
        }
    }
}
