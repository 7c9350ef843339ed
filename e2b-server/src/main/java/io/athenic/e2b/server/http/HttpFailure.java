package io.athenic.e2b.server.http;

/** A request is refused: its status and a message for the client. How it is written is the edge's affair. */
public final class HttpFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int status;

    public HttpFailure(int status, String message) {
        super(message, null, false, false);
        this.status = status;
    }

    public int status() {
        return status;
    }
}
