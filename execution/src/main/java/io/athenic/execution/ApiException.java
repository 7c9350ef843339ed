package io.athenic.execution;

import io.athenic.e2b.AuthenticationException;
import io.athenic.e2b.RateLimitException;
import io.athenic.e2b.SandboxException;
import io.athenic.e2b.SandboxNotFoundException;
import io.athenic.e2b.TimeoutException;

/** A call that cannot be done. The message is for the client: what was wanted, what was found, what to do. */
public final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final ErrorCode code;

    public ApiException(ErrorCode code, String message) {
        super(message);
        this.code = code;
    }

    private ApiException(ErrorCode code, String message, Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    public ErrorCode code() {
        return code;
    }

    static ApiException invalid(String message) {
        return new ApiException(ErrorCode.INVALID_REQUEST, message);
    }

    static ApiException unknownSandbox(String sandboxId) {
        return new ApiException(
                ErrorCode.NOT_FOUND,
                "There is no sandbox '" + sandboxId + "': it was closed, its time was over, or it never was."
                        + " Leave out sandboxId to use a fresh one.");
    }

    static ApiException sandboxOfOne(String sandboxId) {
        return new ApiException(
                ErrorCode.NOT_FOUND,
                "Sandbox '" + sandboxId + "' was made for one execution and is closed with it: start that one with"
                        + " keepSandbox, or leave out sandboxId to use a fresh one.");
    }

    /** @param sandboxId what the caller named; empty if it named none */
    static ApiException of(SandboxException failure, String sandboxId) {
        return switch (failure) {
            case SandboxNotFoundException e when !sandboxId.isEmpty() -> unknownSandbox(sandboxId);
            // A create names no sandbox: what was not found is its template.
            case SandboxNotFoundException e ->
                new ApiException(
                        ErrorCode.INVALID_REQUEST,
                        "No sandbox could be made: " + e.getMessage()
                                + ". Leave out the template, or name one of this server's.",
                        e);
            case RateLimitException e ->
                new ApiException(ErrorCode.OVERLOADED, "No sandbox is free: " + e.getMessage(), e);
            case AuthenticationException e ->
                new ApiException(
                        ErrorCode.SANDBOX_FAILED,
                        "The sandbox service refuses the server's API key: check E2B_API_KEY.",
                        e);
            case TimeoutException e ->
                new ApiException(
                        ErrorCode.SANDBOX_UNAVAILABLE,
                        "The sandbox service does not answer: try again, or see `athenic doctor`.",
                        e);
            default ->
                new ApiException(
                        ErrorCode.SANDBOX_UNAVAILABLE,
                        "No sandbox could be had (" + failure.getMessage() + "): try again, or see `athenic doctor`.",
                        failure);
        };
    }
}
