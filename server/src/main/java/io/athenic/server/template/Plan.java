package io.athenic.server.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a definition asks of the server, in the order in which it is done: environment, folder, apt, pip, npm, files, commands, user.
 *
 * @param cpu whole cores, 0: the usual
 */
record Plan(
        String from,
        List<Step> steps,
        Optional<String> start,
        Optional<String> ready,
        int cpu,
        int memoryMib,
        int diskMib) {
    /** A step of E2B's API; a COPY's source is below the definition's folder. */
    record Step(String type, List<String> args) {}

    private static final Pattern SIZE = Pattern.compile("(\\d{1,6})\\s*(MiB|GiB)");
    private static final String ROOT = "root";
    private static final String APT_UPDATE = "apt-get -qq update && ";
    private static final String APT = "apt-get -qq install -y --no-install-recommends ";
    private static final String APT_CLEAN = " && apt-get clean && rm -rf /var/lib/apt/lists/*";

    static Plan of(Definition definition) {
        var steps = new ArrayList<Step>();
        var env = new TreeMap<>(Objects.requireNonNullElse(definition.env(), Map.<String, String>of()));
        if (!env.isEmpty()) {
            steps.add(new Step(
                    "ENV",
                    env.entrySet().stream()
                            .flatMap(each -> java.util.stream.Stream.of(each.getKey(), each.getValue()))
                            .toList()));
        }
        if (definition.workdir() != null) {
            steps.add(new Step("WORKDIR", List.of(absolute("workdir", definition.workdir()))));
        }
        packages("apt", definition.apt()).ifPresent(all -> steps.add(run(APT_UPDATE + APT + all + APT_CLEAN)));
        packages("pip", definition.pip()).ifPresent(all -> steps.add(run("pip install --no-cache-dir " + all)));
        packages("npm", definition.npm()).ifPresent(all -> {
            steps.add(run("command -v npm > /dev/null || { " + APT_UPDATE + APT + "npm" + APT_CLEAN + "; }"));
            steps.add(run("npm install --global --no-fund --no-audit " + all));
        });
        for (var copy : Objects.requireNonNullElse(definition.files(), List.<Definition.FileCopy>of())) {
            steps.add(copy(copy));
        }
        for (var command : Objects.requireNonNullElse(definition.run(), List.<String>of())) {
            if (command.isBlank()) {
                throw new DefinitionException("run holds an empty command");
            }
            steps.add(run(command));
        }
        if (definition.user() != null) {
            steps.add(new Step("USER", List.of(definition.user())));
        }
        if (definition.ready() != null && definition.start() == null) {
            throw new DefinitionException("ready has nothing to wait for: start is missing");
        }
        return new Plan(
                Objects.requireNonNullElse(definition.from(), "code-interpreter"),
                steps,
                Optional.ofNullable(definition.start()),
                Optional.ofNullable(definition.ready()),
                cores(definition.cpu()),
                size("memory", definition.memory()),
                size("disk", definition.disk()));
    }

    private static Step run(String command) {
        return new Step("RUN", List.of(command, ROOT));
    }

    private static Step copy(Definition.FileCopy copy) {
        var source = copy.source();
        var target = copy.target();
        if (source == null || target == null) {
            throw new DefinitionException("each [[files]] needs source and target");
        }
        if (source.startsWith("/") || ("/" + source + "/").contains("/../")) {
            throw new DefinitionException(
                    "source '" + source + "' must be below the definition's folder: move the files, or the definition");
        }
        var mode = Objects.requireNonNullElse(copy.mode(), "");
        if (!mode.matches("|[0-7]{3,4}")) {
            throw new DefinitionException(
                    "mode of '" + source + "' must be octal, such as \"644\", not '" + mode + "'");
        }
        return new Step("COPY", List.of(source, target, Objects.requireNonNullElse(copy.owner(), ROOT), mode));
    }

    private static Optional<String> packages(String key, @Nullable List<String> packages) {
        if (packages == null || packages.isEmpty()) {
            return Optional.empty();
        }
        for (var each : packages) {
            if (each == null || each.isBlank() || each.startsWith("-")) {
                throw new DefinitionException(
                        key + " holds '" + each + "', which is no package: options belong into run");
            }
        }
        return Optional.of(packages.stream().map(Plan::quoted).collect(Collectors.joining(" ")));
    }

    /** For a shell. */
    private static String quoted(String text) {
        return text.matches("[A-Za-z0-9_@%+=:,./-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
    }

    private static String absolute(String key, String path) {
        if (!path.startsWith("/")) {
            throw new DefinitionException(key + " must be an absolute path, not '" + path + "'");
        }
        return path;
    }

    private static int cores(@Nullable Integer cpu) {
        if (cpu == null) {
            return 0;
        }
        if (cpu < 1 || cpu > 1024) {
            throw new DefinitionException("cpu must be 1 to 1024 cores, not " + cpu);
        }
        return cpu;
    }

    private static int size(String key, @Nullable String text) {
        if (text == null) {
            return 0;
        }
        var found = SIZE.matcher(text);
        if (!found.matches()) {
            throw new DefinitionException(key + " must be a size such as \"512 MiB\" or \"2 GiB\", not '" + text + "'");
        }
        return Integer.parseInt(found.group(1)) * (found.group(2).equals("GiB") ? 1024 : 1);
    }
}
