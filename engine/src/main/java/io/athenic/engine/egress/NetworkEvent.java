package io.athenic.engine.egress;

import java.time.Instant;

/**
 * A decision about a connection that a sandbox wanted.
 *
 * @param sequence counts from 1 in a sandbox
 * @param method {@code CONNECT}, or the HTTP method of a plain request; empty when the request could not be read
 * @param host name or address that was asked for; empty when it could not be read
 * @param address that was connected to; empty when none was
 * @param reason why it was denied or failed, or what ended it; empty: nothing special
 * @param sent bytes that the sandbox sent
 * @param received bytes that the sandbox got
 * @param open whether it is still under way
 */
public record NetworkEvent(
        long sequence,
        Instant at,
        Verdict verdict,
        String method,
        String host,
        int port,
        String address,
        String reason,
        long sent,
        long received,
        boolean open) {
    /** What was decided. */
    public enum Verdict {
        ALLOWED,
        DENIED,
        /** Allowed, but the name or the server could not be reached. */
        FAILED
    }
}
