package io.athenic.server;

/** The application cannot start or go on; the message says what to do, so that it is printed without a stack trace. */
final class StartException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    StartException(String message) {
        super(message);
    }

    StartException(String message, Throwable cause) {
        super(message, cause);
    }
}
