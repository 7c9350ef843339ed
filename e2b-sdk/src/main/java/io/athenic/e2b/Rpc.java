package io.athenic.e2b;

import io.athenic.e2b.protocol.ConnectCode;
import io.athenic.e2b.protocol.ConnectError;
import io.athenic.e2b.protocol.ConnectFrame;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.JsonException;
import java.io.InputStream;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/** Connect calls of one of envd's services, in JSON. */
final class Rpc {
    /** Seconds without output after which the server sends a keepalive, as E2B's SDKs ask. */
    private static final String KEEPALIVE_SECONDS = "50";

    private final SandboxLink link;
    private final String service;
    private final boolean files;

    Rpc(SandboxLink link, String service, boolean files) {
        this.link = link;
        this.service = service;
        this.files = files;
    }

    /** Of a directory that is to be made. */
    static final class AlreadyExistsException extends SandboxException {
        private static final long serialVersionUID = 1;

        AlreadyExistsException(String message) {
            super(message);
        }
    }

    <T> T call(String method, Object message, Class<T> type) {
        HttpRequest request = link.request(E2b.ENVD_PORT, service + method)
                .header("Content-Type", E2b.JSON)
                .header(E2b.HEADER_CONNECT_VERSION, "1")
                .POST(BodyPublishers.ofByteArray(Json.write(message)))
                .build();
        Http.Answer answer = link.send(request);
        if (answer.status() != 200) {
            throw failure(answer.status(), answer.body());
        }
        return Json.read(answer.body(), type);
    }

    /** Begins a server stream: its body is made of Connect's envelopes. */
    InputStream open(String method, Object message, @Nullable String user, Duration timeout) {
        var builder = link.request(E2b.ENVD_PORT, service + method)
                .header("Content-Type", E2b.CONNECT_JSON)
                .header(E2b.HEADER_CONNECT_VERSION, "1")
                .header(E2b.HEADER_KEEPALIVE, KEEPALIVE_SECONDS)
                .POST(BodyPublishers.ofByteArray(ConnectFrame.message(Json.write(message))));
        if (!timeout.isZero()) {
            builder.header(E2b.HEADER_CONNECT_TIMEOUT, Long.toString(timeout.toMillis()));
        }
        if (user != null) {
            byte[] credentials = (user + ":").getBytes(StandardCharsets.UTF_8);
            builder.header("Authorization", "Basic " + Base64.getEncoder().encodeToString(credentials));
        }
        HttpResponse<InputStream> response = link.open(builder.build());
        if (response.statusCode() != 200) {
            throw failure(response.statusCode(), CodeInterpreter.start(response.body()));
        }
        return response.body();
    }

    private SandboxException failure(int status, byte[] body) {
        if (status == ConnectCode.ALREADY_EXISTS.httpStatus()) {
            try {
                ConnectError error = Json.read(body, ConnectError.class);
                if (error.code() == ConnectCode.ALREADY_EXISTS) {
                    String message = error.message();
                    return new AlreadyExistsException(message == null ? "already exists" : message);
                }
            } catch (JsonException e) {
                return Failures.ofRpc(link.id(), status, body, files);
            }
        }
        return Failures.ofRpc(link.id(), status, body, files);
    }
}
