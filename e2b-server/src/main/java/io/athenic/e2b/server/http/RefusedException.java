package io.athenic.e2b.server.http;

/** Bytes that are no request of ours: answered with the status and the text, and the connection is closed. */
final class RefusedException extends Exception {
    private static final long serialVersionUID = 1;
    private final int status;

    RefusedException(int status, String text) {
        super(text, null, false, false); // no stack trace: anybody can cause these
        this.status = status;
    }

    int status() {
        return status;
    }

    String text() {
        return String.valueOf(getMessage());
    }
}
