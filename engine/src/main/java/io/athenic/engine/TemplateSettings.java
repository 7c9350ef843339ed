package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a template gives the sandboxes made from it, besides its files.
 *
 * @param env below what the maker of a sandbox asks for
 * @param user whom processes run as that name nobody; empty: the usual one
 * @param workdir where processes start that name no folder; empty: the user's home
 * @param start a shell command that is started with every sandbox; empty: none
 * @param ready a shell command; the sandbox is handed out when it succeeds. Empty: at once
 * @param memoryBytes 0: the engine's default, as of the others
 */
public record TemplateSettings(
        Map<String, String> env,
        Optional<String> user,
        Optional<String> workdir,
        Optional<String> start,
        Optional<String> ready,
        int cpuMillis,
        long memoryBytes,
        long diskBytes) {
    public static final TemplateSettings NONE = new TemplateSettings(
            Map.of(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), 0, 0, 0);

    private static final int MAX_COMMAND = 64 * 1024;

    public TemplateSettings {
        env = Map.copyOf(env);
        Check.environment("the template's env", env);
        user.ifPresent(text -> Check.text("user", text, 256));
        workdir.ifPresent(text -> Check.text("workdir", text, 4096));
        workdir.ifPresent(
                text -> Check.argument(text.startsWith("/"), "workdir must be an absolute path, not " + text));
        start.ifPresent(text -> Check.text("the start command", text, MAX_COMMAND));
        ready.ifPresent(text -> Check.text("the ready check", text, MAX_COMMAND));
        var _ = limits(cpuMillis, memoryBytes, diskBytes, Limits.DEFAULT);
    }

    /** The limits of a sandbox that asks for none. */
    public Limits limits(Limits defaults) {
        return limits(cpuMillis, memoryBytes, diskBytes, defaults);
    }

    private static Limits limits(int cpuMillis, long memoryBytes, long diskBytes, Limits defaults) {
        return defaults.with(
                cpuMillis == 0 ? defaults.cpuMillis() : cpuMillis,
                memoryBytes == 0 ? defaults.memoryBytes() : memoryBytes,
                diskBytes == 0 ? defaults.diskBytes() : diskBytes);
    }

    Map<String, String> environment(Map<String, String> asked) {
        Map<String, String> all = new HashMap<>(env);
        all.putAll(asked);
        return all;
    }

    ObjectNode toJson() {
        ObjectNode json = Json.object()
                .put("cpuMillis", cpuMillis)
                .put("memoryBytes", memoryBytes)
                .put("diskBytes", diskBytes);
        json.set("env", Json.stringMap(env));
        user.ifPresent(text -> json.put("user", text));
        workdir.ifPresent(text -> json.put("workdir", text));
        start.ifPresent(text -> json.put("start", text));
        ready.ifPresent(text -> json.put("ready", text));
        return json;
    }

    static TemplateSettings of(JsonNode json) {
        return new TemplateSettings(
                Json.strings(json.path("env")),
                Json.optionalText(json, "user"),
                Json.optionalText(json, "workdir"),
                Json.optionalText(json, "start"),
                Json.optionalText(json, "ready"),
                json.path("cpuMillis").asInt(),
                json.path("memoryBytes").asLong(),
                json.path("diskBytes").asLong());
    }
}
