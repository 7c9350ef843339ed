package io.athenic.execution;

/** What went wrong, for clients: the status and code of docs/PROTOCOL.md, section 8. */
public enum ErrorCode {
    INVALID_REQUEST(400, "invalid_request"),
    NOT_FOUND(404, "not_found"),
    METHOD_NOT_ALLOWED(405, "method_not_allowed"),
    CONFLICT(409, "conflict"),
    TOO_LARGE(413, "too_large"),
    UNSUPPORTED_MEDIA_TYPE(415, "unsupported_media_type"),
    OVERLOADED(429, "overloaded"),
    INTERNAL(500, "internal"),
    /** The sandbox died, or E2B refuses us. */
    SANDBOX_FAILED(502, "sandbox_unavailable"),
    /** The engine is not up (yet). */
    SANDBOX_UNAVAILABLE(503, "sandbox_unavailable");

    private final int status;
    private final String wire;

    ErrorCode(int status, String wire) {
        this.status = status;
        this.wire = wire;
    }

    public int status() {
        return status;
    }

    public String wire() {
        return wire;
    }
}
