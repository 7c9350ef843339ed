package io.athenic.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** What was measured, as a table on the terminal and as files in benchmarks/results. */
final class Report {
    private final Map<String, String> machine = Machine.describe();
    private final List<Measure> measures = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();

    void add(Measure measure) {
        measures.add(measure);
        System.err.printf("  %s: %s %s%n", measure.name(), number(measure.median()), measure.unit());
    }

    void addAll(List<Measure> more) {
        more.forEach(this::add);
    }

    /** Something that a reader of the figures must know. */
    void note(String text) {
        notes.add(text);
        System.err.println("  note: " + text);
    }

    /** The table: GitHub's Markdown, readable as plain text. */
    String table() {
        var rows = new ArrayList<List<String>>();
        rows.add(List.of("what", "unit", "n", "min", "median", "p95", "target", "reached"));
        for (Measure measure : measures) {
            boolean promised = !measure.targets().isEmpty();
            rows.add(List.of(
                    measure.name(),
                    measure.unit(),
                    Integer.toString(measure.values().size()),
                    number(measure.min()),
                    number(measure.median()),
                    number(measure.p95()),
                    measure.targets().stream().map(Measure.Target::text).collect(Collectors.joining(", ")),
                    promised ? (measure.reached() ? "yes" : "NO") : ""));
        }
        var widths = new int[rows.getFirst().size()];
        rows.forEach(row -> {
            for (int column = 0; column < widths.length; column++) {
                widths[column] = Math.max(widths[column], row.get(column).length());
            }
        });
        var text = new StringBuilder();
        for (int row = 0; row < rows.size(); row++) {
            line(text, rows.get(row), widths);
            if (row == 0) {
                for (int column = 0; column < widths.length; column++) {
                    text.append(column == 0 ? "|" : "")
                            .append("-".repeat(widths[column] + 2))
                            .append('|');
                }
                text.append('\n');
            }
        }
        notes.forEach(note -> text.append("\n- ").append(note));
        return text.append(notes.isEmpty() ? "" : "\n").toString();
    }

    private static void line(StringBuilder text, List<String> cells, int[] widths) {
        text.append('|');
        for (int column = 0; column < widths.length; column++) {
            String cell = cells.get(column);
            boolean number = column >= 2 && column <= 5;
            String padding = " ".repeat(widths[column] - cell.length());
            text.append(' ').append(number ? padding + cell : cell + padding).append(" |");
        }
        text.append('\n');
    }

    void write(Path folder) throws IOException {
        var json = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
        ObjectNode root = json.createObjectNode();
        root.put("at", Instant.now().toString());
        root.set("machine", json.valueToTree(machine));
        root.set("notes", json.valueToTree(notes));
        var array = root.putArray("measures");
        for (Measure measure : measures) {
            ObjectNode node = array.addObject();
            node.put("name", measure.name());
            node.put("unit", measure.unit());
            node.put("min", measure.min());
            node.put("median", measure.median());
            node.put("p95", measure.p95());
            node.set(
                    "targets",
                    json.valueToTree(
                            measure.targets().stream().map(Measure.Target::text).toList()));
            if (!measure.targets().isEmpty()) {
                node.put("reached", measure.reached());
            }
            node.set("values", json.valueToTree(measure.values()));
        }
        Files.createDirectories(folder);
        json.writeValue(folder.resolve("latest.json").toFile(), root);
        var head = new StringBuilder("# Benchmark of ").append(Instant.now()).append("\n\n");
        machine.forEach((name, value) ->
                head.append("- ").append(name).append(": ").append(value).append('\n'));
        Files.writeString(
                folder.resolve("latest.md"), head.append('\n').append(table()).toString());
    }

    /** Three significant figures, thousands separated. */
    static String number(double value) {
        if (value == Math.rint(value) || Math.abs(value) >= 100) {
            return String.format(Locale.ROOT, "%,.0f", value);
        }
        return String.format(Locale.ROOT, Math.abs(value) >= 10 ? "%.1f" : "%.2f", value);
    }
}
