package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads the agent's answers. Missing or odd values are refused or replaced, never trusted. */
final class Answers {
    private Answers() {}

    /** The entry of {@code {"ok":{"entry":…}}}. */
    static Entry entry(JsonNode answer) {
        return toEntry(answer.path("ok").path("entry"));
    }

    static Entry toEntry(JsonNode node) {
        if (!node.isObject()) {
            throw new EngineException(ErrorCode.INTERNAL, "the sandbox sent no entry");
        }
        return new Entry(
                Json.text(node, "name"),
                type(Json.text(node, "type")),
                Json.text(node, "path"),
                Math.max(0, Json.number(node, "size")),
                Json.integer(node, "mode"),
                Json.text(node, "permissions"),
                Json.text(node, "owner"),
                Json.text(node, "group"),
                Json.number(node, "modifiedMicros"),
                Json.optionalText(node, "symlinkTarget"),
                Json.strings(node.path("metadata")));
    }

    static Optional<Entry> optionalEntry(JsonNode node) {
        return node.isObject() ? Optional.of(toEntry(node)) : Optional.empty();
    }

    private static Entry.EntryType type(String name) {
        return switch (name) {
            case "file" -> Entry.EntryType.FILE;
            case "directory" -> Entry.EntryType.DIRECTORY;
            case "symlink" -> Entry.EntryType.SYMLINK;
            default -> Entry.EntryType.OTHER;
        };
    }

    static List<ProcessInfo> processes(JsonNode answer) {
        List<ProcessInfo> list = new ArrayList<>();
        for (JsonNode node : answer.path("ok").path("processes")) {
            List<String> args = new ArrayList<>();
            node.path("args").forEach(arg -> args.add(arg.asText()));
            list.add(new ProcessInfo(
                    Json.integer(node, "pid"),
                    Json.optionalText(node, "tag"),
                    Json.text(node, "cmd"),
                    args,
                    Json.strings(node.path("env")),
                    Json.optionalText(node, "cwd")));
        }
        return list;
    }

    static Optional<WatchEvent> watchEvent(JsonNode node) {
        String type = Json.text(node, "type");
        for (WatchEvent.Kind kind : WatchEvent.Kind.values()) {
            if (kind.name().equalsIgnoreCase(type)) {
                return Optional.of(new WatchEvent(Json.text(node, "name"), kind, optionalEntry(node.path("entry"))));
            }
        }
        return Optional.empty();
    }
}
