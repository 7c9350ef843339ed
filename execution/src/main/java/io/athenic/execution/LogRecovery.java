package io.athenic.execution;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What an earlier life wrote of a durable log.
 *
 * @param segments consecutive, each in its file
 * @param position of the execution that the last event reaches
 * @param nextFile number of the next file
 */
record LogRecovery(List<LogSegment> segments, long position, int nextFile) {
    private static final Logger LOG = LoggerFactory.getLogger(LogRecovery.class);

    /** Reads all files. The end of the last one may be missing: a record that was written in part is cut off. */
    static LogRecovery of(String executionId, Path folder) {
        SortedMap<Integer, Path> files = filesOf(executionId, folder);
        List<LogSegment> segments = new ArrayList<>();
        long position = 0;
        for (Path file : files.values()) {
            Written written = read(file);
            if (written == null) {
                LogSegment.delete(file);
                continue;
            }
            LogSegment segment = written.segment();
            if (!segments.isEmpty() && segments.getLast().end() != segment.first) {
                LOG.warn(
                        "execution {}: its log has a gap before event {}: what is older is dropped",
                        executionId,
                        segment.first);
                segments.forEach(LogSegment::deleteFile);
                segments.clear();
            }
            segments.add(segment);
            position = Math.max(position, written.position());
        }
        return new LogRecovery(segments, position, files.isEmpty() ? 0 : files.lastKey() + 1);
    }

    private record Written(LogSegment segment, long position) {}

    /** Null: nothing whole is in it. */
    private static @Nullable Written read(Path file) {
        try (LogFile.Reader in = LogFile.read(file)) {
            byte[] first = in.nextWhole();
            if (first == null) {
                return null;
            }
            long sequence = Json.MAPPER.readTree(first).path("sequence").asLong();
            int count = 1;
            long bytes = first.length;
            for (byte[] event = in.nextWhole(); event != null; event = in.nextWhole()) {
                count++;
                bytes += event.length;
            }
            LogFile.truncate(file, in.offset());
            return sequence < 1 ? null : new Written(new LogSegment(sequence, count, bytes, file), in.position());
        } catch (IOException e) {
            LOG.warn("{} cannot be read and is dropped: {}", file, e.toString());
            return null;
        }
    }

    private static SortedMap<Integer, Path> filesOf(String executionId, Path folder) {
        Pattern name = Pattern.compile(Pattern.quote(executionId) + "-([0-9]{1,9})\\.log");
        SortedMap<Integer, Path> found = new TreeMap<>();
        try (var files = Files.newDirectoryStream(folder, executionId + "-*.log")) {
            for (Path file : files) {
                Matcher matcher = name.matcher(file.getFileName().toString());
                if (matcher.matches()) {
                    found.put(Integer.parseInt(matcher.group(1)), file);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("the folder for logs of executions cannot be read: " + folder, e);
        }
        return found;
    }
}
