package io.athenic.chat.llm;

import dev.langchain4j.exception.HttpException;
import dev.langchain4j.http.client.HttpClient;
import dev.langchain4j.http.client.HttpRequest;
import dev.langchain4j.http.client.SuccessfulHttpResponse;
import dev.langchain4j.http.client.sse.ServerSentEventListener;
import dev.langchain4j.http.client.sse.ServerSentEventParser;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * The HTTP side of one model turn. langchain4j's own client cannot be stopped while the server is silent, so that a hanging
 * server would keep a thread and a socket for good; closing this one cuts the connection at any moment.
 */
final class CancellableHttp implements HttpClient, AutoCloseable {

    private static final int ERROR_BODY_BYTES = 16 * 1024;

    /** More than any model writes; keeps a broken server from filling the memory. */
    private static final long ANSWER_BYTES = 64L * 1024 * 1024;

    private final java.net.http.HttpClient client;

    CancellableHttp(Duration connectTimeout) {
        client = java.net.http.HttpClient.newBuilder()
                .connectTimeout(connectTimeout)
                .version(java.net.http.HttpClient.Version.HTTP_1_1)
                .followRedirects(java.net.http.HttpClient.Redirect.NEVER)
                .build();
    }

    @Override
    public SuccessfulHttpResponse execute(HttpRequest request) {
        try (InputStream body = bounded(send(request))) {
            return SuccessfulHttpResponse.builder()
                    .statusCode(200)
                    .body(new String(body.readAllBytes(), StandardCharsets.UTF_8))
                    .build();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void execute(HttpRequest request, ServerSentEventParser parser, ServerSentEventListener listener) {
        Thread.ofVirtual().name("model-stream").start(() -> stream(request, parser, listener));
    }

    private void stream(HttpRequest request, ServerSentEventParser parser, ServerSentEventListener listener) {
        try {
            HttpResponse<InputStream> response = send(request);
            try (InputStream body = bounded(response)) {
                listener.onOpen(SuccessfulHttpResponse.builder()
                        .statusCode(response.statusCode())
                        .headers(response.headers().map())
                        .build());
                parser.parse(body, listener);
                listener.onClose();
            }
        } catch (IOException | RuntimeException e) {
            listener.onError(e);
        }
    }

    private HttpResponse<InputStream> send(HttpRequest request) throws IOException {
        var builder = java.net.http.HttpRequest.newBuilder(URI.create(request.url()));
        request.headers().forEach((name, values) -> values.forEach(value -> builder.header(name, value)));
        String body = request.body();
        builder.method(request.method().name(), body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
        HttpResponse<InputStream> response;
        try {
            response = client.send(builder.build(), BodyHandlers.ofInputStream());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
        if (response.statusCode() / 100 != 2) {
            try (InputStream error = response.body()) {
                throw new HttpException(
                        response.statusCode(), new String(error.readNBytes(ERROR_BODY_BYTES), StandardCharsets.UTF_8));
            }
        }
        return response;
    }

    private static InputStream bounded(HttpResponse<InputStream> response) {
        return new BoundedInputStream(response.body(), ANSWER_BYTES);
    }

    /** Cuts the connection, whatever it is doing. */
    @Override
    public void close() {
        client.shutdownNow();
    }
}
