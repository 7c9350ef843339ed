package io.athenic.e2b;

/** Too many calls or sandboxes: try again later. */
public final class RateLimitException extends SandboxException {
    private static final long serialVersionUID = 1;

    public RateLimitException(String message) {
        super(message);
    }
}
