package io.athenic.e2b.server.relay;

import java.io.IOException;

/** The server in the room does not speak HTTP. The message is fit for the client. */
public final class UpstreamException extends IOException {
    private static final long serialVersionUID = 1;

    UpstreamException(String message) {
        super(message);
    }
}
