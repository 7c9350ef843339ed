package io.athenic.engine;

/** How a guest ended: by itself with a code, or by a signal. */
sealed interface GuestExit {
    record Code(int code) implements GuestExit {}

    record Signal(int signal) implements GuestExit {}

    /** For people. */
    default String text() {
        return switch (this) {
            case Code(int code) -> "exit status " + code;
            case Signal(int signal) ->
                switch (signal) {
                    case 6 -> "signal 6 (aborted)";
                    case 9 -> "signal 9 (killed)";
                    case 11 -> "signal 11 (segmentation fault)";
                    case 15 -> "signal 15 (terminated)";
                    default -> "signal " + signal;
                };
        };
    }
}
