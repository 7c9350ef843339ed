package io.athenic.e2b.protocol;

import org.jspecify.annotations.Nullable;

/**
 * One item of the answer to {@code POST /sandboxes/{id}/fork}: a sandbox or an error.
 *
 * @param memory whether the copy has the memory besides the files
 */
public record ForkResult(
        @Nullable SandboxInfo sandbox,
        @Nullable ErrorBody error,
        @Nullable Boolean memory) {}
