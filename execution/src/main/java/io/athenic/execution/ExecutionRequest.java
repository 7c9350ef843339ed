package io.athenic.execution;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Code that shall run.
 *
 * @param language any name that {@link Language} knows
 * @param timeout from when the code begins to run
 * @param sandboxId the sandbox whose variables and files it shall have; absent: a fresh one
 * @param clientId who gets the stream by WebSocket; absent: nobody
 * @param keepSandbox whether a fresh sandbox lives on afterwards
 */
public record ExecutionRequest(
        String code,
        String language,
        Duration timeout,
        @Nullable String sandboxId,
        @Nullable String clientId,
        boolean keepSandbox) {
    public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(30);
    public static final Duration MAX_TIMEOUT = Duration.ofHours(1);
    private static final int MAX_CODE_BYTES = 1 << 20;
    private static final int MAX_CLIENT_ID = 200;

    /**
     * Checks all parts.
     *
     * @throws ApiException a part is out of its bounds
     */
    public ExecutionRequest {
        language = Language.of(language);
        if (code.isBlank()) {
            throw ApiException.invalid("code is empty: send the program that shall run.");
        }
        if (code.length() > MAX_CODE_BYTES / 4 && code.getBytes(StandardCharsets.UTF_8).length > MAX_CODE_BYTES) {
            throw new ApiException(
                    ErrorCode.TOO_LARGE, "code is longer than 1 MiB: write it to a file of the sandbox.");
        }
        if (timeout.toMillis() < 1 || timeout.compareTo(MAX_TIMEOUT) > 0) {
            throw ApiException.invalid(
                    "timeout is " + timeout.toMillis() + " ms: use 1 to " + MAX_TIMEOUT.toMillis() + ".");
        }
        if (clientId != null && !isClientId(clientId)) {
            throw ApiException.invalid(
                    "clientId is empty, longer than " + MAX_CLIENT_ID + " characters, or has control characters.");
        }
    }

    /** With a fresh sandbox, the default timeout, and no client. */
    public static ExecutionRequest of(String code, String language) {
        return new ExecutionRequest(code, language, DEFAULT_TIMEOUT, null, null, false);
    }

    /** Whether the sandbox lives on when the code has ended: one that was made for this execution alone is closed. */
    boolean sandboxStays() {
        return sandboxId != null || keepSandbox;
    }

    public ExecutionRequest inSandbox(String newSandboxId) {
        return new ExecutionRequest(code, language, timeout, newSandboxId, clientId, keepSandbox);
    }

    public ExecutionRequest forClient(String newClientId) {
        return new ExecutionRequest(code, language, timeout, sandboxId, newClientId, keepSandbox);
    }

    public ExecutionRequest withTimeout(Duration newTimeout) {
        return new ExecutionRequest(code, language, newTimeout, sandboxId, clientId, keepSandbox);
    }

    static boolean isClientId(String text) {
        return !text.isBlank() && text.length() <= MAX_CLIENT_ID && text.chars().noneMatch(Character::isISOControl);
    }
}
