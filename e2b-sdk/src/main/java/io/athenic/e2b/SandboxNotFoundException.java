package io.athenic.e2b;

/** The sandbox does not exist (any more): never made, killed, or its time was over. */
public final class SandboxNotFoundException extends NotFoundException {
    private static final long serialVersionUID = 1;

    public SandboxNotFoundException(String message) {
        super(message);
    }
}
