package io.athenic.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Instant;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A template that was built here.
 *
 * @param name unique
 * @param base the template of the installation that its trees stand on
 * @param tree its root folder; empty when that is the base's own
 * @param bytes of the files in its tree, those that it shares with others included
 * @param buildId of its last build
 * @param builds how often it was built
 */
public record Template(
        String name,
        String base,
        Optional<String> tree,
        TemplateSettings settings,
        long bytes,
        Instant createdAt,
        Instant updatedAt,
        String buildId,
        int builds) {
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]{0,62}");
    private static final Pattern TREE = Pattern.compile("[0-9a-f]{32}");

    public Template {
        checkName(name);
        Check.argument(tree.isEmpty() || isTree(tree.get()), "not the name of a tree: " + tree);
    }

    /** A template of the installation. */
    public static Template installed(String name, long bytes) {
        return new Template(
                name, name, Optional.empty(), TemplateSettings.NONE, bytes, Instant.EPOCH, Instant.EPOCH, "", 0);
    }

    /** Throws when a template cannot have that name. */
    public static void checkName(String name) {
        Check.argument(
                isName(name),
                "a template's name is 1 to 63 lower-case letters, digits and hyphens, not '" + Texts.shorten(name, 80)
                        + "'");
    }

    static boolean isName(String text) {
        return NAME.matcher(text).matches();
    }

    static boolean isTree(String text) {
        return TREE.matcher(text).matches();
    }

    /** What its sandboxes are made from: another one after each build that changed something. */
    public String key() {
        return tree.map(each -> name + "." + each).orElse(base);
    }

    /** A sandbox of it with what it gives filled in. */
    SandboxSpec complete(SandboxSpec spec, Limits defaults) {
        Limits asked = spec.limits();
        return spec.on(key(), settings.environment(spec.env()), asked == null ? settings.limits(defaults) : asked);
    }

    ObjectNode toJson() {
        ObjectNode json = Json.object()
                .put("name", name)
                .put("base", base)
                .put("bytes", bytes)
                .put("createdAt", createdAt.toString())
                .put("updatedAt", updatedAt.toString())
                .put("buildId", buildId)
                .put("builds", builds);
        tree.ifPresent(each -> json.put("tree", each));
        json.set("settings", settings.toJson());
        return json;
    }

    static Template of(ObjectNode json) throws IOException {
        try {
            return new Template(
                    Json.text(json, "name"),
                    Json.text(json, "base"),
                    Json.optionalText(json, "tree"),
                    TemplateSettings.of(json.path("settings")),
                    json.path("bytes").asLong(),
                    Instant.parse(Json.text(json, "createdAt")),
                    Instant.parse(Json.text(json, "updatedAt")),
                    Json.text(json, "buildId"),
                    json.path("builds").asInt());
        } catch (RuntimeException e) {
            throw new IOException("it is not a template's record: " + e.getMessage(), e);
        }
    }
}
