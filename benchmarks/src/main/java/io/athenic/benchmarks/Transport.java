package io.athenic.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * HTTP/1.1 with kept connections. What a client does on the machine's two cores counts as the server's time, so there are two of them:
 * one that writes and reads in the calling thread, and the JVM's {@link HttpClient}, whose threads hand each request and answer on.
 */
interface Transport {
    Duration PATIENCE = Duration.ofMinutes(2);

    /** The body is to be read to its end; {@code close} breaks the connection off where it was not. */
    record Answer(int status, InputStream body, Runnable breakOff) implements AutoCloseable {
        String text() {
            try (body) {
                return new String(body.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() {
            breakOff.run();
        }
    }

    Answer send(String method, URI address, Map<String, String> headers, @Nullable String body);

    /** In the calling thread. */
    static Transport direct() {
        return (method, address, headers, body) -> {
            try {
                var connection = (HttpURLConnection) address.toURL().openConnection();
                connection.setRequestMethod(method);
                connection.setReadTimeout(Math.toIntExact(PATIENCE.toMillis()));
                headers.forEach(connection::setRequestProperty);
                if (body != null) {
                    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
                    connection.setDoOutput(true); // head and body leave together: no streaming mode
                    try (var out = connection.getOutputStream()) {
                        out.write(bytes);
                    }
                }
                int status = connection.getResponseCode();
                InputStream stream = status < 400 ? connection.getInputStream() : connection.getErrorStream();
                return new Answer(
                        status, stream == null ? InputStream.nullInputStream() : stream, connection::disconnect);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
    }

    /** By the JVM's client. */
    static Transport by(HttpClient client) {
        return (method, address, headers, body) -> {
            var request = HttpRequest.newBuilder(address)
                    .timeout(PATIENCE)
                    .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
            headers.forEach(request::header);
            try {
                var response = client.send(request.build(), BodyHandlers.ofInputStream());
                return new Answer(response.statusCode(), response.body(), () -> quietly(response.body()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted", e);
            }
        };
    }

    private static void quietly(InputStream body) {
        try {
            body.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
