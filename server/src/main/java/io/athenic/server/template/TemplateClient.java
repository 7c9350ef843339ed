package io.athenic.server.template;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/** Builds, lists and deletes templates by the same HTTP API as E2B's SDKs (docs/PROTOCOL.md, section 5). */
final class TemplateClient implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration POLL = Duration.ofMillis(250);

    private final URI base;
    private final String key;
    private final PrintStream out;
    private final HttpClient http = HttpClient.newBuilder()
            .connectTimeout(Duration.ofSeconds(10))
            .version(HttpClient.Version.HTTP_1_1)
            .build();

    TemplateClient(URI base, String key, PrintStream out) {
        this.base = base;
        this.key = key;
        this.out = out;
    }

    /** Builds and prints the log as it comes. False when the build failed. */
    boolean build(String name, Plan plan, Path folder, boolean force) throws IOException, InterruptedException {
        var announced = call(
                "POST",
                "/v3/templates",
                JSON.createObjectNode()
                        .put("name", name)
                        .put("cpuCount", plan.cpu())
                        .put("memoryMB", plan.memoryMib())
                        .put("minFreeDiskMb", plan.diskMib()));
        var path = "/templates/" + announced.path("templateID").asText();
        var body = JSON.createObjectNode().put("fromTemplate", plan.from()).put("force", force);
        plan.start().ifPresent(text -> body.put("startCmd", text));
        plan.ready().ifPresent(text -> body.put("readyCmd", text));
        var steps = body.putArray("steps");
        for (var step : plan.steps()) {
            var entry = steps.addObject().put("type", step.type());
            step.args().forEach(entry.putArray("args")::add);
            if (step.type().equals("COPY")) {
                entry.put("filesHash", send(path, folder, step.args().getFirst()));
            }
        }
        var build = path + "/builds/" + announced.path("buildID").asText();
        call("POST", "/v2" + build, body);
        return follow(build);
    }

    private String send(String path, Path folder, String source) throws IOException, InterruptedException {
        try (var archive = Archive.of(folder, source)) {
            var link = call("GET", path + "/files/" + archive.hash(), null);
            if (!link.path("present").asBoolean()) {
                out.println("Sending " + source + " ...");
                exchange(
                        HttpRequest.newBuilder(URI.create(link.path("url").asText()))
                                .timeout(Duration.ofMinutes(10)),
                        "PUT",
                        BodyPublishers.ofFile(archive.path()));
            }
            return archive.hash();
        }
    }

    private boolean follow(String build) throws IOException, InterruptedException {
        var seen = 0;
        while (true) {
            var status = call("GET", build + "/status?logsOffset=" + seen, null);
            for (var line : status.path("logEntries")) {
                out.println(line.path("message").asText());
                seen++;
            }
            out.flush();
            var state = status.path("status").asText();
            if (status.path("logEntries").isEmpty() && (state.equals("ready") || state.equals("error"))) {
                return state.equals("ready");
            }
            Thread.sleep(POLL);
        }
    }

    void list() throws IOException, InterruptedException {
        out.printf("%-32s %10s %10s  %s%n", "NAME", "SIZE", "OWN", "BUILT");
        for (var template : call("GET", "/templates", null)) {
            var built = template.path("buildID").asText().isEmpty()
                    ? "with the installation"
                    : Instant.parse(template.path("updatedAt").asText())
                            .truncatedTo(ChronoUnit.SECONDS)
                            .toString();
            out.printf(
                    "%-32s %10s %10s  %s%n",
                    template.path("templateID").asText(),
                    size(template.path("sizeBytes").asLong()),
                    size(template.path("ownBytes").asLong()),
                    built);
        }
        var space = call("GET", "/templates/space", null);
        out.printf(
                "%d trees take %s of at most %s; what they share is counted once, the longest unused go first.%n",
                space.path("trees").asInt(),
                size(space.path("usedBytes").asLong()),
                size(space.path("boundBytes").asLong()));
    }

    private static String size(long bytes) {
        return bytes < (10L << 20) ? (bytes >> 10) + " KiB" : (bytes >> 20) + " MiB";
    }

    void delete(String name) throws IOException, InterruptedException {
        call("DELETE", "/templates/" + name, null);
        out.println("Template " + name + " is deleted. Sandboxes that were made from it go on.");
    }

    private JsonNode call(String method, String path, @Nullable ObjectNode body)
            throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(base.resolve(path))
                .timeout(Duration.ofSeconds(60))
                .header("X-API-KEY", key)
                .header("Content-Type", "application/json");
        return exchange(
                request, method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body.toString()));
    }

    private JsonNode exchange(HttpRequest.Builder request, String method, BodyPublisher body)
            throws IOException, InterruptedException {
        var answer = http.send(request.method(method, body).build(), BodyHandlers.ofString());
        var json = answer.body().isEmpty() ? JSON.createObjectNode() : JSON.readTree(answer.body());
        if (answer.statusCode() >= 300) {
            throw new IOException(
                    json.path("message").asText("the server answered with status " + answer.statusCode()));
        }
        return json;
    }

    @Override
    public void close() {
        http.close();
    }
}
