package io.athenic.e2b;

import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * The SDK's HTTP: blocking, each wait bounded, failures typed. What is repeated is only what does no harm: a call whose connection could
 * not be made at all, and a broken GET or DELETE (a kept connection may be closed by the server just when it is used again).
 */
final class Http implements AutoCloseable {
    /** The largest answer that is read as a whole. */
    static final int MAX_BODY = 64 << 20;

    private static final int ATTEMPTS = 3;
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    private final HttpClient client;
    private final Duration requestTimeout;

    /** An answer read as a whole. */
    @SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
    record Answer(int status, byte[] body) {}

    Http(Duration requestTimeout) {
        this.requestTimeout = requestTimeout;
        // Plain http stays HTTP/1.1: closing a stream then closes its connection, which is what tells the server.
        this.client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(CONNECT_TIMEOUT)
                .followRedirects(HttpClient.Redirect.NEVER)
                .executor(Executors.newVirtualThreadPerTaskExecutor())
                .build();
    }

    /** @throws TimeoutException no whole answer within the request timeout */
    Answer send(HttpRequest request) {
        return send(request, requestTimeout);
    }

    Answer send(HttpRequest request, Duration timeout) {
        HttpResponse<byte[]> response = exchange(request, info -> new LimitedBody(MAX_BODY), timeout);
        return new Answer(response.statusCode(), response.body());
    }

    /** As {@link #send(HttpRequest)}, with the headers of the answer. */
    HttpResponse<byte[]> sendWhole(HttpRequest request) {
        return exchange(request, info -> new LimitedBody(MAX_BODY), requestTimeout);
    }

    /** Answers when the headers are there. The body is to be closed: that ends the connection if it was not read to its end. */
    HttpResponse<InputStream> open(HttpRequest request, Duration timeout) {
        return exchange(request, BodyHandlers.ofInputStream(), timeout);
    }

    Duration requestTimeout() {
        return requestTimeout;
    }

    private <T> HttpResponse<T> exchange(HttpRequest request, BodyHandler<T> handler, Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        for (int attempt = 1; ; attempt++) {
            CompletableFuture<HttpResponse<T>> future = client.sendAsync(request, handler);
            try {
                return future.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
            } catch (java.util.concurrent.TimeoutException e) {
                future.cancel(true);
                throw new TimeoutException(
                        describe(request) + " was not answered within " + timeout.toMillis() + " ms");
            } catch (InterruptedException e) {
                future.cancel(true);
                Thread.currentThread().interrupt();
                throw new SandboxException(describe(request) + " was interrupted", e);
            } catch (ExecutionException e) {
                Throwable cause = e.getCause() == null ? e : e.getCause();
                if (cause instanceof BodyTooLargeException large) {
                    throw new SandboxException(
                            describe(request) + ": the answer is larger than " + large.limit() + " bytes");
                }
                if (!isHarmless(request, cause) || attempt == ATTEMPTS) {
                    throw new SandboxException(describe(request) + " failed: " + text(cause), cause);
                }
                pause(Duration.ofMillis(100L * attempt * attempt), request);
            }
        }
    }

    private static boolean isHarmless(HttpRequest request, Throwable failure) {
        boolean repeatable = request.method().equals("GET") || request.method().equals("DELETE");
        return failure instanceof ConnectException || (repeatable && failure instanceof IOException);
    }

    private static void pause(Duration time, HttpRequest request) {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SandboxException(describe(request) + " was interrupted", e);
        }
    }

    /** Without the query: it may hold a signature. */
    private static String describe(HttpRequest request) {
        var uri = request.uri();
        return request.method() + " " + uri.getScheme() + "://" + uri.getRawAuthority() + uri.getRawPath();
    }

    static String text(Throwable failure) {
        String message = failure.getMessage();
        if (failure instanceof ConnectException) {
            return "no connection" + (message == null ? " (is the server up?)" : ": " + message);
        }
        return message == null ? failure.getClass().getSimpleName() : message;
    }

    /** Ends all connections, streams included. */
    @Override
    public void close() {
        client.shutdownNow();
        client.close();
    }

    /** The answer exceeds what is read as a whole. */
    static final class BodyTooLargeException extends IOException {
        private static final long serialVersionUID = 1;

        private final int limit;

        BodyTooLargeException(int limit) {
            super("larger than " + limit + " bytes");
            this.limit = limit;
        }

        int limit() {
            return limit;
        }
    }
}
