package io.athenic.e2b.server;

import io.athenic.e2b.protocol.TemplateApi;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.template.BuildRequest;
import io.athenic.engine.template.BuildStep;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What clients send to build a template, in the engine's terms. */
final class TemplateRequests {
    /** Images of E2B's own that stand for our template. */
    private static final Set<String> BASES =
            Set.of("e2bdev/base", "e2bdev/code-interpreter", "base", "code-interpreter");

    private static final String DEFAULT_TAG = ":default";

    private TemplateRequests() {}

    /** A template's name without the tag that every template has. */
    static String name(String text) {
        var name = text.endsWith(DEFAULT_TAG) ? text.substring(0, text.length() - DEFAULT_TAG.length()) : text;
        if (name.contains(":")) {
            throw new HttpFailure(400, "templates have no tags here: name it '" + name.replace(':', '-') + "'");
        }
        return name;
    }

    static BuildRequest build(TemplateApi.Start start) {
        var steps = new ArrayList<BuildRequest.Step>();
        for (var step : Objects.requireNonNullElse(start.steps(), List.<TemplateApi.Step>of())) {
            steps.add(new BuildRequest.Step(step(step, steps.size() + 1), Boolean.TRUE.equals(step.force())));
        }
        return new BuildRequest(
                from(start), steps, text(start.startCmd()), text(start.readyCmd()), Boolean.TRUE.equals(start.force()));
    }

    private static String from(TemplateApi.Start start) {
        var template = start.fromTemplate();
        if (template != null && !template.isEmpty()) {
            return name(template);
        }
        var image = start.fromImage();
        var plain = image == null ? "" : image.replaceFirst(":latest$", "");
        if (!BASES.contains(plain)) {
            throw new HttpFailure(
                    400,
                    "images of container registries cannot be used here ('" + image
                            + "'): start from fromBaseImage() or fromTemplate('code-interpreter')");
        }
        return "code-interpreter";
    }

    private static BuildStep step(TemplateApi.Step step, int number) {
        var type = step.type() == null ? "" : step.type().toUpperCase(Locale.ROOT);
        var args = Objects.requireNonNullElse(step.args(), List.<String>of());
        var what = "step " + number + " (" + type + ")";
        return switch (type) {
            case "RUN" -> new BuildStep.Run(required(what, "a command", args, 0), optional(args, 1));
            case "COPY" -> {
                var hash = step.filesHash();
                if (hash == null) {
                    throw new HttpFailure(400, what + " has no filesHash");
                }
                yield new BuildStep.Copy(
                        required(what, "a source", args, 0),
                        required(what, "a target", args, 1),
                        optional(args, 2),
                        mode(what, optional(args, 3)),
                        hash);
            }
            case "ENV" -> new BuildStep.Env(variables(what, args));
            case "WORKDIR" -> new BuildStep.Workdir(required(what, "a folder", args, 0));
            case "USER" -> new BuildStep.User(required(what, "a user", args, 0));
            default -> throw new HttpFailure(400, what + " is unknown: RUN, COPY, ENV, WORKDIR and USER are possible");
        };
    }

    private static Optional<String> mode(String what, Optional<String> mode) {
        if (mode.isPresent() && !mode.get().matches("[0-7]{3,4}")) {
            throw new HttpFailure(400, what + ": the mode is octal, such as 0644, not '" + mode.get() + "'");
        }
        return mode;
    }

    private static Map<String, String> variables(String what, List<String> args) {
        if (args.isEmpty() || args.size() % 2 != 0) {
            throw new HttpFailure(400, what + " takes pairs of name and value");
        }
        var variables = new LinkedHashMap<String, String>();
        for (var i = 0; i < args.size(); i += 2) {
            variables.put(required(what, "a name", args, i), args.get(i + 1));
        }
        return variables;
    }

    private static String required(String what, String name, List<String> args, int index) {
        return optional(args, index).orElseThrow(() -> new HttpFailure(400, what + " lacks " + name));
    }

    private static Optional<String> optional(List<String> args, int index) {
        return index < args.size() ? text(args.get(index)) : Optional.empty();
    }

    private static Optional<String> text(@Nullable String text) {
        return Optional.ofNullable(text).filter(value -> !value.isEmpty());
    }
}
