package io.athenic.e2b;

/** The API key or the sandbox's token is missing or wrong. */
public final class AuthenticationException extends SandboxException {
    private static final long serialVersionUID = 1;

    public AuthenticationException(String message) {
        super(message);
    }
}
