package io.athenic.e2b;

/** The root of all failures of this SDK; its subclasses carry the names of E2B's SDKs. */
public class SandboxException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public SandboxException(String message) {
        super(message);
    }

    public SandboxException(String message, Throwable cause) {
        super(message, cause);
    }
}
