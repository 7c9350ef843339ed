package io.athenic.chat.web;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.chat.ThreadFiles;
import io.athenic.chat.run.SandboxFiles.Entry;
import io.athenic.chat.thread.ChatJson;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Files of a thread's sandbox over HTTP. */
final class FileRoutes {

    /** The largest upload, in bytes. */
    static final long UPLOAD_BYTES = 100L * 1024 * 1024;

    private static final int CHUNK_BYTES = 64 * 1024;
    private static final long WRITE_SECONDS = 60;

    private final ThreadFiles files;

    FileRoutes(ThreadFiles files) {
        this.files = files;
    }

    void list(RoutingContext context) {
        String asked = context.request().getParam("path");
        String path = asked == null || asked.isEmpty() ? ThreadFiles.HOME : ThreadFiles.checkPath(asked);
        ObjectNode json = ChatJson.object().put("path", path);
        ArrayNode entries = json.putArray("entries");
        for (Entry entry : files.list(Requests.path(context, "id"), path)) {
            ObjectNode item = entries.addObject()
                    .put("name", entry.name())
                    .put("path", entry.path())
                    .put("type", entry.type())
                    .put("size", entry.size());
            item.put(
                    "modified",
                    entry.modified() == null ? null : entry.modified().toString());
        }
        Replies.json(context, 200, json);
    }

    /** Begins to read the body; on the event loop. */
    RequestStream open(RoutingContext context) {
        HttpServerRequest request = context.request();
        Requests.requireType(request, "application/octet-stream");
        String length = request.getHeader("Content-Length");
        if (length != null && (length.length() > 18 || Long.parseLong(length) > UPLOAD_BYTES)) {
            throw RequestStream.tooLarge(UPLOAD_BYTES);
        }
        return new RequestStream(request, UPLOAD_BYTES);
    }

    void upload(RoutingContext context, RequestStream body) {
        String name = Requests.query(context, "name");
        Entry entry = files.upload(Requests.path(context, "id"), name, body);
        Replies.json(context, 201, ChatJson.object().put("path", entry.path()).put("size", entry.size()));
    }

    void download(RoutingContext context) {
        String path = ThreadFiles.checkPath(Requests.query(context, "path"));
        ThreadFiles.Download file = files.download(Requests.path(context, "id"), path);
        HttpServerResponse response = context.response();
        // The type is never taken from the name: what a program wrote must not run as a page of this origin.
        response.putHeader("Content-Type", "application/octet-stream")
                .putHeader("Content-Disposition", disposition(file.name()))
                .putHeader("X-Content-Type-Options", "nosniff")
                .putHeader("Cache-Control", "no-store")
                .setChunked(true);
        try (var content = file.content()) {
            byte[] chunk = new byte[CHUNK_BYTES];
            for (int count = content.read(chunk); count >= 0; count = content.read(chunk)) {
                await(response, Buffer.buffer().appendBytes(chunk, 0, count));
            }
            response.end();
        } catch (IOException e) {
            response.reset();
            throw new UncheckedIOException("the sandbox broke off while a file was read", e);
        }
    }

    private static void await(HttpServerResponse response, Buffer buffer) throws IOException {
        try {
            response.write(buffer).toCompletionStage().toCompletableFuture().get(WRITE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } catch (ExecutionException | TimeoutException e) {
            throw new IOException("the client went away", e);
        }
    }

    private static String disposition(String name) {
        String plain = name.replaceAll("[^A-Za-z0-9._ -]", "_");
        String encoded = URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20");
        return "attachment; filename=\"" + plain + "\"; filename*=UTF-8''" + encoded;
    }
}
