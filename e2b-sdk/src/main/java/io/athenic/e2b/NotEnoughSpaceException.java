package io.athenic.e2b;

/** The disk of the sandbox is full. */
public final class NotEnoughSpaceException extends SandboxException {
    private static final long serialVersionUID = 1;

    public NotEnoughSpaceException(String message) {
        super(message);
    }
}
