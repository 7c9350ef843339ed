package io.athenic.engine.egress;

/** Where the body of an HTTP message ends. */
sealed interface Framing {
    record Length(long bytes) implements Framing {}

    record Chunked() implements Framing {}

    /** With the connection. */
    record ToEnd() implements Framing {}
}
