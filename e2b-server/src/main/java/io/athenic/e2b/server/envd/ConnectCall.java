package io.athenic.e2b.server.envd;

import io.athenic.e2b.protocol.ConnectCode;
import io.athenic.e2b.protocol.ConnectError;
import io.athenic.e2b.protocol.ConnectFrame;
import io.athenic.e2b.protocol.ConnectFrames;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.JsonException;
import io.athenic.e2b.server.http.BatchedWriter;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.Failures;
import io.athenic.e2b.server.http.Gzip;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.EngineException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One call of the Connect protocol with the JSON codec (connectrpc.com/docs/protocol). */
final class ConnectCall {
    /** Of one message. Input of a process may be large; more is sent in several messages. */
    static final int MAX_MESSAGE = 16 << 20;

    private static final Duration DEFAULT_KEEPALIVE = Duration.ofSeconds(90);
    private static final long MAX_TIMEOUT_MILLIS = Duration.ofDays(7).toMillis();

    private final Exchange exchange;

    ConnectCall(Exchange exchange) {
        this.exchange = exchange;
    }

    /** A call that can be refused in Connect's terms. */
    interface Body<T> {
        T run() throws IOException, InterruptedException;
    }

    /** A unary call: request and answer are bare messages, a failure has a status and a JSON error. */
    void unary(Body<Object> body) throws IOException, InterruptedException {
        try {
            checkType(E2b.JSON);
            exchange.respondJson(200, body.run());
        } catch (EngineException | HttpFailure | JsonException e) {
            var error = error(e);
            exchange.respondJson(
                    e instanceof HttpFailure f ? f.status() : error.code().httpStatus(), error);
        }
    }

    /** The request of a unary call. */
    <T> T request(Class<T> type) throws IOException {
        try (var in = Gzip.decode(exchange.header("Content-Encoding"), exchange.body())) {
            var bytes = in.readNBytes(MAX_MESSAGE + 1);
            if (bytes.length > MAX_MESSAGE) {
                throw new HttpFailure(413, "the message is larger than " + MAX_MESSAGE + " bytes");
            }
            // Connect's clients may send nothing at all for a message without fields.
            return Json.request(bytes.length == 0 ? new byte[] {'{', '}'} : bytes, type);
        }
    }

    /** Checks that the call is a streaming one; a failure before the stream begins is told in it all the same. */
    @Nullable
    Messages messages() {
        try {
            checkType(E2b.CONNECT_JSON);
            return new Messages(exchange);
        } catch (HttpFailure e) {
            exchange.respondJson(e.status(), error(e));
            return null;
        }
    }

    private void checkType(String wanted) {
        if (!exchange.method().equals("POST")) {
            throw new HttpFailure(405, "RPCs are called by POST");
        }
        var type = exchange.header("Content-Type");
        var kind = type == null ? "" : type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
        if (!kind.equals(wanted)) {
            var hint = kind.contains("proto") ? ": the binary protobuf codec is not served, use the JSON codec" : "";
            throw new HttpFailure(415, "content type must be " + wanted + ", not '" + kind + "'" + hint);
        }
    }

    /** See {@link Exchange#patientBody}. */
    void patientBody() {
        exchange.patientBody();
    }

    /** The deadline that the client set for the call. */
    Optional<Duration> timeout() {
        var text = exchange.header(E2b.HEADER_CONNECT_TIMEOUT);
        if (text == null || text.isBlank()) {
            return Optional.empty();
        }
        try {
            var millis = Long.parseLong(text.strip());
            if (millis < 0 || text.length() > 15) {
                throw new NumberFormatException();
            }
            return millis == 0
                    ? Optional.empty()
                    : Optional.of(Duration.ofMillis(Math.min(millis, MAX_TIMEOUT_MILLIS)));
        } catch (NumberFormatException e) {
            throw new HttpFailure(400, E2b.HEADER_CONNECT_TIMEOUT + " is not a number of milliseconds");
        }
    }

    /** After how much silence a keepalive is due. */
    Duration keepalive() {
        var text = exchange.header(E2b.HEADER_KEEPALIVE);
        try {
            var seconds = text == null ? 0 : Integer.parseInt(text.strip());
            return seconds <= 0 ? DEFAULT_KEEPALIVE : Duration.ofSeconds(Math.min(seconds, 600));
        } catch (NumberFormatException e) {
            return DEFAULT_KEEPALIVE;
        }
    }

    static ConnectError error(RuntimeException e) {
        var message = e.getMessage();
        return switch (e) {
            case EngineException engine -> new ConnectError(Failures.connectCode(engine.code()), message);
            case HttpFailure failure -> new ConnectError(Failures.connectCode(failure.status()), message);
            case JsonException json -> new ConnectError(ConnectCode.INVALID_ARGUMENT, message);
            default -> new ConnectError(ConnectCode.INTERNAL, "internal error");
        };
    }

    /** The enveloped messages of a streaming call, both ways. */
    static final class Messages {
        private final Exchange exchange;
        private final ConnectFrames frames;
        private @Nullable BatchedWriter writer;

        private Messages(Exchange exchange) {
            this.exchange = exchange;
            this.frames = new ConnectFrames(exchange.body(), MAX_MESSAGE);
        }

        /** The next message of the client; null: it sent its last. */
        <T> @Nullable T read(Class<T> type) throws IOException {
            try {
                var frame = frames.next();
                if (frame == null || frame.end()) {
                    return null;
                }
                return Json.request(frame.compressed() ? unpack(frame.payload()) : frame.payload(), type);
            } catch (ConnectFrames.TooLargeException e) {
                throw new HttpFailure(413, e.getMessage() == null ? "too large" : e.getMessage());
            } catch (java.io.EOFException e) {
                throw new HttpFailure(400, "the body ends inside a message");
            }
        }

        /** The one message of a server-streaming call; what follows it is not looked at. */
        <T> T single(Class<T> type) throws IOException {
            var message = read(type);
            if (message == null) {
                throw new HttpFailure(400, "the call has no request message");
            }
            if (read(Object.class) != null) {
                throw new HttpFailure(400, "the call has more than one request message");
            }
            return message;
        }

        private byte[] unpack(byte[] payload) throws IOException {
            try (InputStream in =
                    Gzip.decode(exchange.header("Connect-Content-Encoding"), new ByteArrayInputStream(payload))) {
                var bytes = in.readNBytes(MAX_MESSAGE + 1);
                if (bytes.length > MAX_MESSAGE) {
                    throw new HttpFailure(413, "the message is larger than " + MAX_MESSAGE + " bytes");
                }
                return bytes;
            }
        }

        /** Begins the answer: from here on failures are told in the last message. */
        private BatchedWriter begin() {
            var begun = writer;
            if (begun != null) {
                return begun;
            }
            exchange.set("Content-Type", E2b.CONNECT_JSON);
            begun = new BatchedWriter(exchange.stream(200, -1));
            writer = begun;
            return begun;
        }

        void send(Object message) {
            begin().add(ConnectFrame.message(Json.write(message)));
        }

        boolean flush() {
            return begin().flush();
        }

        Duration patience(Duration idle) {
            return begin().patience(idle);
        }

        void end(@Nullable ConnectError error) {
            begin().end(ConnectFrame.end(error));
        }
    }
}
