package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.engine.egress.NetworkWish;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * All that the next engine needs to go on with a sandbox, as it is on disk (docs/PROTOCOL.md, section 9). What the operating system and
 * roomd know by themselves, as the guests that live, is not in it.
 *
 * @param spec what was asked for; its limits are those that the room has
 * @param origin empty in records of an earlier version
 * @param latestEnd when its lifetime is over, however often it is extended
 * @param pausedAt when it was paused last
 * @param layers of the snapshot that its room stands on, oldest first
 * @param contexts in the order of their creation
 */
record SandboxRecord(
        String id,
        SandboxSpec spec,
        Optional<Origin> origin,
        Instant startedAt,
        Instant endAt,
        Instant latestEnd,
        Optional<String> accessToken,
        SandboxState state,
        Instant pausedAt,
        List<String> layers,
        List<Context> contexts) {
    private static final int VERSION = 1;

    SandboxRecord {
        layers = List.copyOf(layers);
        contexts = List.copyOf(contexts);
    }

    /**
     * A context.
     *
     * @param standard whether it is the one that is used when none is named
     * @param guest its kernel, null when none has been started
     * @param starts how many kernels it has had
     * @param environmentGiven whether the kernel knows the sandbox's environment
     */
    record Context(
            String id,
            String language,
            String cwd,
            boolean standard,
            @Nullable String guest,
            int starts,
            boolean environmentGiven) {}

    ObjectNode toJson() {
        ObjectNode json = Json.object().put("version", VERSION).put("id", id);
        json.put("template", spec.template())
                .put("startedAt", startedAt.toString())
                .put("endAt", endAt.toString())
                .put("latestEnd", latestEnd.toString())
                .put("state", state.name().toLowerCase(Locale.ROOT))
                .put("timeoutMillis", spec.timeout().toMillis())
                .put("onTimeout", spec.lifecycle().onTimeout().name().toLowerCase(Locale.ROOT))
                .put("autoResume", spec.lifecycle().autoResume())
                .put("pausedAt", pausedAt.toString());
        origin.ifPresent(from -> {
            ObjectNode part = json.putObject("origin").put("template", from.template());
            from.user().ifPresent(user -> part.put("user", user));
            from.workdir().ifPresent(workdir -> part.put("workdir", workdir));
        });
        layers.forEach(json.withArrayProperty("layers")::add);
        NetworkWish network = spec.network();
        ObjectNode wish = json.putObject("network")
                .put("internet", network.internet())
                .put("publicTraffic", network.publicTraffic());
        network.allowOut().forEach(wish.withArrayProperty("allowOut")::add);
        network.denyOut().forEach(wish.withArrayProperty("denyOut")::add);
        accessToken.ifPresent(token -> json.put("accessToken", token));
        json.set("metadata", Json.stringMap(spec.metadata()));
        json.set("env", Json.stringMap(spec.env()));
        Limits limits = spec.limits();
        if (limits != null) {
            json.set("limits", limits.toJson());
        }
        var list = json.putArray("contexts");
        for (Context context : contexts) {
            ObjectNode entry = list.addObject()
                    .put("id", context.id())
                    .put("language", context.language())
                    .put("cwd", context.cwd())
                    .put("default", context.standard())
                    .put("starts", context.starts())
                    .put("environmentGiven", context.environmentGiven());
            if (context.guest() != null) {
                entry.put("guest", context.guest());
            }
        }
        return json;
    }

    /** Reads what {@link #toJson} wrote; fields that are not known are passed over. Anything else is a reason to throw. */
    static SandboxRecord of(ObjectNode json) throws IOException {
        if (json.path("version").asInt() != VERSION) {
            throw new IOException("its version is " + json.path("version") + ", not " + VERSION);
        }
        try {
            Instant startedAt = Instant.parse(Json.text(json, "startedAt"));
            Instant endAt = Instant.parse(Json.text(json, "endAt"));
            Optional<String> token = Json.optionalText(json, "accessToken");
            var spec = new SandboxSpec(
                    Json.text(json, "template"),
                    Duration.ofMillis(json.path("timeoutMillis").asLong()),
                    Json.strings(json.path("metadata")),
                    Json.strings(json.path("env")),
                    token.isPresent(),
                    network(json.path("network")),
                    Limits.of(json.path("limits")),
                    new Lifecycle(
                            Lifecycle.OnTimeout.valueOf(
                                    Json.text(json, "onTimeout").toUpperCase(Locale.ROOT)),
                            json.path("autoResume").asBoolean()));
            return new SandboxRecord(
                    Json.text(json, "id"),
                    spec,
                    origin(json.path("origin")),
                    startedAt,
                    endAt,
                    Instant.parse(Json.text(json, "latestEnd")),
                    token,
                    SandboxState.valueOf(Json.text(json, "state").toUpperCase(Locale.ROOT)),
                    Instant.parse(Json.text(json, "pausedAt")),
                    texts(json.path("layers")),
                    contexts(json.path("contexts")));
        } catch (RuntimeException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private static Optional<Origin> origin(JsonNode json) {
        return Json.optionalText(json, "template")
                .map(template ->
                        new Origin(template, Json.optionalText(json, "user"), Json.optionalText(json, "workdir")));
    }

    private static NetworkWish network(JsonNode json) {
        return new NetworkWish(
                json.path("internet").asBoolean(),
                texts(json.path("allowOut")),
                texts(json.path("denyOut")),
                json.path("publicTraffic").asBoolean(true),
                false);
    }

    private static List<String> texts(JsonNode list) {
        var texts = new ArrayList<String>();
        list.forEach(text -> texts.add(text.asText()));
        return texts;
    }

    private static List<Context> contexts(JsonNode list) {
        var contexts = new ArrayList<Context>();
        for (JsonNode entry : list) {
            String id = Json.text(entry, "id");
            Check.argument(!id.isEmpty(), "a context has no id");
            contexts.add(new Context(
                    id,
                    Languages.canonical(Json.text(entry, "language")),
                    Json.text(entry, "cwd"),
                    entry.path("default").asBoolean(),
                    Json.optionalText(entry, "guest").orElse(null),
                    Math.max(0, entry.path("starts").asInt()),
                    entry.path("environmentGiven").asBoolean()));
        }
        return contexts;
    }
}
