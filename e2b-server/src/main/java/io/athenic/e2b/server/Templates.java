package io.athenic.e2b.server;

import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.TemplateApi;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.Engine;
import io.athenic.engine.Limits;
import io.athenic.engine.Template;
import io.athenic.engine.Tree;
import io.athenic.engine.template.BuildLog;
import io.athenic.engine.template.TemplateBuild;
import io.athenic.engine.template.TemplateBuilder;
import java.io.IOException;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** E2B's REST API for templates: list, build, delete. */
final class Templates {
    private static final int MAX_BODY = 1 << 20;
    private static final int MAX_LINES = 1000;
    private static final int MAX_CORES = 1024;
    private static final int MAX_MIB = 1 << 22;

    private final Engine engine;
    private final Optional<TemplateBuilder> builder;
    private final UploadLinks links;

    Templates(Engine engine, Optional<TemplateBuilder> builder, InstantSource clock) {
        this.engine = engine;
        this.builder = builder;
        this.links = new UploadLinks(clock);
    }

    /** Whether that is a call without API key. */
    static boolean isUpload(String path) {
        return path.startsWith(UploadLinks.PATH);
    }

    /** Takes the archive that a link was given for. */
    void upload(Exchange exchange) throws IOException {
        if (!exchange.method().equals("PUT")) {
            throw new HttpFailure(405, "files are sent with PUT");
        }
        var hash = links.take(exchange.path());
        builder().files().put(hash, exchange.body());
        exchange.respondEmpty(200);
    }

    /** False when the call is for something else. The path has no version. */
    boolean handle(Exchange exchange, String path) throws IOException {
        var segments = List.of(path.substring(1).split("/", 6));
        if (!segments.getFirst().equals("templates")) {
            return false;
        }
        var rest = segments.subList(1, segments.size());
        switch (exchange.method() + " " + shape(rest)) {
            case "GET " -> exchange.respondJson(200, list());
            case "POST " -> announce(exchange);
            case "GET space" -> space(exchange);
            case "GET *" -> exchange.respondJson(200, find(rest.getFirst()));
            case "DELETE *" -> {
                return delete(exchange, rest.getFirst());
            }
            case "GET aliases/*" -> {
                return false;
            }
            case "GET */files/*" -> link(exchange, rest.get(2));
            case "POST */builds/*" -> start(exchange, rest.get(0), rest.get(2));
            case "GET */builds/*/status" -> status(exchange, build(rest.get(0), rest.get(2)));
            case "POST tags", "DELETE tags", "GET */tags" ->
                throw new HttpFailure(501, "templates have no tags here: give each version a name of its own");
            default -> {
                return false;
            }
        }
        return true;
    }

    /** The path with * for every name. */
    private static String shape(List<String> rest) {
        return switch (rest.size()) {
            case 0 -> "";
            case 1 -> rest.getFirst().equals("space") || rest.getFirst().equals("tags") ? rest.getFirst() : "*";
            case 2 -> rest.getFirst().equals("aliases") ? "aliases/*" : "*/" + rest.get(1);
            case 3 -> "*/" + rest.get(1) + "/*";
            default -> "*/" + rest.get(1) + "/*/" + rest.get(3);
        };
    }

    private TemplateBuilder builder() {
        return builder.orElseThrow(() -> new HttpFailure(501, "templates cannot be built by this server"));
    }

    private void announce(Exchange exchange) throws IOException {
        var wish = Json.request(exchange.jsonBody(MAX_BODY), TemplateApi.Announce.class);
        var given = wish.name() == null ? wish.alias() : wish.name();
        if (given == null) {
            throw new HttpFailure(400, "name is missing");
        }
        var name = TemplateRequests.name(given);
        var tags = wish.tags();
        if (tags != null && tags.stream().anyMatch(tag -> !tag.equals("default"))) {
            throw new HttpFailure(400, "templates have no tags here: give each version a name of its own");
        }
        if (engine.installed().containsKey(name)) {
            throw new HttpFailure(409, "template '" + name + "' belongs to the installation: choose another name");
        }
        TemplateBuild build = builder()
                .announce(
                        name,
                        1000 * whole("cpuCount", wish.cpuCount(), MAX_CORES),
                        (long) whole("memoryMB", wish.memoryMb(), MAX_MIB) << 20,
                        (long) whole("minFreeDiskMb", wish.minFreeDiskMb(), MAX_MIB) << 20);
        exchange.respondJson(
                202,
                new TemplateApi.Announced(name, build.id(), false, List.of(name), List.of("default"), List.of(name)));
    }

    private static int whole(String field, @Nullable Integer value, int most) {
        if (value == null) {
            return 0;
        }
        if (value < 0 || value > most) {
            throw new HttpFailure(400, field + " must be 0 to " + most + ", not " + value);
        }
        return value;
    }

    private void link(Exchange exchange, String hash) {
        var present = builder().files().has(hash);
        var scheme = "https".equals(exchange.header("X-Forwarded-Proto")) ? "https" : "http";
        var url = scheme + "://" + exchange.header("Host") + links.make(hash);
        exchange.respondJson(201, new TemplateApi.UploadLink(present, url));
    }

    private void start(Exchange exchange, String template, String id) throws IOException {
        var build = build(template, id);
        var wish = Json.request(exchange.jsonBody(MAX_BODY), TemplateApi.Start.class);
        builder().start(build, TemplateRequests.build(wish));
        exchange.respondEmpty(202);
    }

    private TemplateBuild build(String template, String id) {
        return builder()
                .find(id)
                .filter(build -> build.name().equals(template))
                .orElseThrow(() -> new HttpFailure(404, "there is no such build of template '" + template + "'"));
    }

    private static void status(Exchange exchange, TemplateBuild build) {
        var ended = build.ended(); // before the log is read: what an ended build has said is all there
        var state = build.state();
        var lines = build.log()
                .from(number(exchange, "logsOffset", 0), Math.min(MAX_LINES, number(exchange, "limit", MAX_LINES)));
        var entries = lines.stream().map(Templates::entry).toList();
        var status = switch (state) {
            case WAITING -> "waiting";
            case BUILDING -> "building";
            case READY -> ended ? "ready" : "building";
            case ERROR -> ended ? "error" : "building";
        };
        var reason = status.equals("error")
                ? build.failure()
                        .map(failure -> new TemplateApi.Reason(failure.message(), failure.step(), List.of()))
                        .orElse(null)
                : null;
        var texts = lines.stream().map(BuildLog.Line::text).toList();
        exchange.respondJson(
                200, new TemplateApi.BuildStatus(build.name(), build.id(), status, texts, entries, reason));
    }

    private static TemplateApi.LogEntry entry(BuildLog.Line line) {
        return new TemplateApi.LogEntry(line.at(), line.level().name().toLowerCase(Locale.ROOT), line.text());
    }

    private static int number(Exchange exchange, String field, int otherwise) {
        var text = exchange.query(field).orElse(String.valueOf(otherwise));
        if (!text.matches("\\d{1,9}")) {
            throw new HttpFailure(400, field + " must be a whole number, not '" + text + "'");
        }
        return Integer.parseInt(text);
    }

    private boolean delete(Exchange exchange, String name) {
        if (engine.installed().containsKey(name)) {
            throw new HttpFailure(403, "template '" + name + "' belongs to the installation and stays");
        }
        if (builder.isEmpty() || !builder().delete(TemplateRequests.name(name))) {
            return false;
        }
        exchange.respondEmpty(204);
        return true;
    }

    private void space(Exchange exchange) {
        var trees = engine.trees().list();
        var used = trees.stream().mapToLong(Tree::ownBytes).sum();
        exchange.respondJson(
                200, new TemplateApi.Space(trees.size(), used, builder().treeBytes()));
    }

    private TemplateApi.Listed find(String name) {
        return list().stream()
                .filter(each -> each.templateId().equals(name))
                .findFirst()
                .orElseThrow(() -> new HttpFailure(404, "template '" + name + "' not found"));
    }

    private List<TemplateApi.Listed> list() {
        Map<String, Tree> trees = new HashMap<>();
        engine.trees().list().forEach(tree -> trees.put(tree.name(), tree));
        var all = new java.util.ArrayList<TemplateApi.Listed>();
        engine.installed().forEach((name, bytes) -> all.add(view(Template.installed(name, bytes), 0)));
        if (builder.isPresent()) {
            engine.templates().list().forEach(template -> all.add(view(template, own(template, trees))));
        }
        return all;
    }

    /** What it has besides its base: of its tree and those below it. */
    private static long own(Template template, Map<String, Tree> trees) {
        long bytes = 0;
        for (var tree = trees.get(template.tree().orElse("")); tree != null; tree = trees.get(tree.parent())) {
            bytes += tree.ownBytes();
        }
        return bytes;
    }

    private static TemplateApi.Listed view(Template template, long own) {
        Limits limits = template.settings().limits(Limits.DEFAULT);
        return new TemplateApi.Listed(
                template.name(),
                template.buildId(),
                Math.max(1, (limits.cpuMillis() + 999) / 1000),
                (int) (limits.memoryBytes() >> 20),
                (int) (limits.diskBytes() >> 20),
                false,
                List.of(template.name()),
                List.of(template.name()),
                template.createdAt(),
                template.updatedAt(),
                0,
                template.builds(),
                E2b.ENVD_VERSION,
                "ready",
                template.bytes(),
                own);
    }
}
