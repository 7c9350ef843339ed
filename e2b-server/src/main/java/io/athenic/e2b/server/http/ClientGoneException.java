package io.athenic.e2b.server.http;

/** The client closed its connection, or did not read for too long: there is nobody to answer. */
public final class ClientGoneException extends RuntimeException {
    private static final long serialVersionUID = 1;

    ClientGoneException(String message) {
        super(message, null, false, false);
    }
}
