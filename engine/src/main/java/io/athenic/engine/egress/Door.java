package io.athenic.engine.egress;

import java.io.IOException;

/** Where a sandbox's programs knock. */
@FunctionalInterface
public interface Door {
    /**
     * Waits for a program of the sandbox that connects to the proxy. An interrupt ends the wait.
     *
     * @throws IOException the sandbox does not answer now; it may later
     */
    Wire accept() throws IOException;
}
