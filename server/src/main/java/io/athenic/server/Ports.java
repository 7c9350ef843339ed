package io.athenic.server;

import java.net.BindException;
import java.util.function.Supplier;

/** Turns a taken port into a sentence. */
final class Ports {
    private Ports() {}

    /** Runs what listens on the app's port. */
    static <T> T explainBusy(int port, Supplier<T> listen) {
        try {
            return listen.get();
        } catch (RuntimeException e) {
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                if (cause instanceof BindException) {
                    throw new StartException(
                            "port " + port + " is in use or not allowed: choose another with --port", e);
                }
            }
            throw e;
        }
    }
}
