package io.athenic.e2b;

/** What the call names does not exist. */
public class NotFoundException extends SandboxException {
    private static final long serialVersionUID = 1;

    public NotFoundException(String message) {
        super(message);
    }
}
