package io.athenic.engine;

import org.jspecify.annotations.Nullable;

/** The engine's one exception. Its message may be shown to the caller: it holds no user code, no secret and no host path. */
public final class EngineException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final ErrorCode code;

    public EngineException(ErrorCode code, String message) {
        this(code, message, null);
    }

    public EngineException(ErrorCode code, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    public ErrorCode code() {
        return code;
    }
}
