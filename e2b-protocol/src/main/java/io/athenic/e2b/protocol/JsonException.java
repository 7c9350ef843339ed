package io.athenic.e2b.protocol;

/** A document of the peer is not JSON, or not of the expected shape. The message is fit for the peer. */
public final class JsonException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    public JsonException(String message) {
        super(message);
    }
}
