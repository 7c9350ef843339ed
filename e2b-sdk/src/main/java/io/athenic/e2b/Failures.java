package io.athenic.e2b;

import io.athenic.e2b.protocol.ConnectCode;
import io.athenic.e2b.protocol.ConnectError;
import io.athenic.e2b.protocol.ErrorBody;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.JsonException;
import java.nio.charset.StandardCharsets;

/** Answers that say no, as exceptions. The one place where E2B's status and codes become types. */
final class Failures {
    private static final int LONGEST_TEXT = 2000;

    private Failures() {}

    /** Of the control plane. */
    static SandboxException ofControl(int status, byte[] body) {
        String message = messageOf(body);
        return switch (status) {
            case 400 -> new InvalidArgumentException(message);
            case 401, 403 -> new AuthenticationException(message);
            case 404 -> new SandboxNotFoundException(message);
            case 429 -> new RateLimitException(message);
            default -> new SandboxException(status + ": " + message);
        };
    }

    /** Of envd's plain HTTP: health and files. */
    static SandboxException ofFiles(String sandboxId, int status, byte[] body) {
        String message = messageOf(body);
        return switch (status) {
            case 400, 406 -> new InvalidArgumentException(message);
            case 401, 403 -> new AuthenticationException(message);
            case 404 -> new FileNotFoundException(message);
            case 429 -> new RateLimitException(message);
            case 502 -> gone(sandboxId);
            case 507 -> new NotEnoughSpaceException(message);
            default -> new SandboxException(status + ": " + message);
        };
    }

    /** Of the code interpreter, whose bodies are plain text. */
    static SandboxException ofCode(String sandboxId, int status, byte[] body) {
        String message = messageOf(body);
        return switch (status) {
            case 400 -> new InvalidArgumentException(message);
            case 401, 403 -> new AuthenticationException(message);
            case 404 -> new NotFoundException(message);
            case 429 -> new RateLimitException(message);
            case 502 -> gone(sandboxId);
            default -> new SandboxException(status + ": " + message);
        };
    }

    /** Of a Connect call that was answered by an HTTP error. */
    static SandboxException ofRpc(String sandboxId, int status, byte[] body, boolean files) {
        if (status == 502) {
            return gone(sandboxId);
        }
        try {
            return ofConnect(Json.read(body, ConnectError.class), files);
        } catch (JsonException e) {
            return ofConnect(new ConnectError(ConnectCode.ofHttp(status), messageOf(body)), files);
        }
    }

    static SandboxException ofConnect(ConnectError error, boolean files) {
        String text = error.message();
        String message = text == null ? error.code().wireName() : text;
        return switch (error.code()) {
            case INVALID_ARGUMENT -> new InvalidArgumentException(message);
            case UNAUTHENTICATED -> new AuthenticationException(message);
            case NOT_FOUND -> files ? new FileNotFoundException(message) : new NotFoundException(message);
            case UNAVAILABLE, CANCELED, DEADLINE_EXCEEDED -> new TimeoutException(message);
            case RESOURCE_EXHAUSTED -> new RateLimitException(message);
            default -> new SandboxException(error.code().wireName() + ": " + message);
        };
    }

    /** What a proxy means by 502. */
    static SandboxNotFoundException gone(String sandboxId) {
        return new SandboxNotFoundException(
                "sandbox " + sandboxId + " is not running: it was closed, or its time was over");
    }

    /** The message of an error body, or the text itself. */
    private static String messageOf(byte[] body) {
        try {
            return Json.read(body, ErrorBody.class).message();
        } catch (JsonException e) {
            String text = new String(body, StandardCharsets.UTF_8).strip();
            return text.length() > LONGEST_TEXT ? text.substring(0, LONGEST_TEXT) + "…" : text;
        }
    }
}
