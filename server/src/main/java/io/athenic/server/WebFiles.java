package io.athenic.server;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Serves the built web UI from the jar. Files under {@code /assets/} have a hash in their name and are kept by browsers for ever; every path of the UI itself
 * ({@code /}, {@code /t/…}) is the one page. The files are few and small, so each is kept in memory after its first use.
 */
final class WebFiles {
    private static final Map<String, String> TYPES = Map.ofEntries(
            Map.entry("html", "text/html; charset=utf-8"),
            Map.entry("js", "text/javascript; charset=utf-8"),
            Map.entry("css", "text/css; charset=utf-8"),
            Map.entry("svg", "image/svg+xml"),
            Map.entry("png", "image/png"),
            Map.entry("ico", "image/x-icon"),
            Map.entry("json", "application/json"),
            Map.entry("webmanifest", "application/manifest+json"),
            Map.entry("woff2", "font/woff2"),
            Map.entry("woff", "font/woff"),
            Map.entry("txt", "text/plain; charset=utf-8"));

    private static final Set<HttpMethod> READ = Set.of(HttpMethod.GET, HttpMethod.HEAD);

    private final Map<String, Buffer> files = new ConcurrentHashMap<>();

    static void mount(Router router, Vertx vertx) {
        var web = new WebFiles();
        // Not router.get(): a route for every path would make Vert.x answer 405 to other methods on paths that do not
        // exist.
        router.route().handler(context -> {
            if (READ.contains(context.request().method())) {
                web.answer(context, vertx);
            } else {
                context.next();
            }
        });
    }

    private void answer(RoutingContext context, Vertx vertx) {
        vertx.executeBlocking(() -> find(context.normalizedPath()), false)
                .onSuccess(file -> file.ifPresentOrElse(found -> send(context, found), context::next))
                .onFailure(context::fail);
    }

    private record Found(String path, Buffer bytes) {}

    private Optional<Found> find(String path) {
        boolean page = path.equals("/") || path.startsWith("/t/") || path.startsWith("/e/");
        String name = page ? "/index.html" : path;
        if (name.contains("..") || name.endsWith("/")) {
            return Optional.empty();
        }
        Buffer known = files.get(name);
        if (known != null) {
            return Optional.of(new Found(name, known));
        }
        try (InputStream in = WebFiles.class.getResourceAsStream("/web" + name)) {
            if (in == null) {
                return Optional.empty();
            }
            Buffer bytes = Buffer.buffer(in.readAllBytes());
            files.put(name, bytes);
            return Optional.of(new Found(name, bytes));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void send(RoutingContext context, Found file) {
        String type = TYPES.get(file.path().substring(file.path().lastIndexOf('.') + 1));
        var response = context.response()
                .putHeader("Content-Type", type == null ? "application/octet-stream" : type)
                .putHeader(
                        "Cache-Control",
                        file.path().startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache");
        if (HttpMethod.HEAD.equals(context.request().method())) {
            response.end();
        } else {
            response.end(file.bytes());
        }
    }
}
