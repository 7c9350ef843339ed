package io.athenic.engine;

import org.jspecify.annotations.Nullable;

/** One of the copies that were asked for: a sandbox, or why there is none. */
public sealed interface Fork {
    record Made(Sandbox sandbox) implements Fork {}

    record Failed(ErrorCode code, @Nullable String message) implements Fork {}
}
