package io.athenic.e2b;

/** The server refuses an argument of the call. */
public final class InvalidArgumentException extends SandboxException {
    private static final long serialVersionUID = 1;

    public InvalidArgumentException(String message) {
        super(message);
    }
}
