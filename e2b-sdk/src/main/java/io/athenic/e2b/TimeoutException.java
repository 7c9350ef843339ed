package io.athenic.e2b;

/** The call, the command or the code was not done in its time. */
public final class TimeoutException extends SandboxException {
    private static final long serialVersionUID = 1;

    public TimeoutException(String message) {
        super(message);
    }
}
