package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;
import org.jspecify.annotations.Nullable;

/** The small bodies of the control plane. */
public final class Requests {
    private Requests() {}

    /**
     * {@code POST /sandboxes/{id}/connect}.
     *
     * @param timeout seconds from now
     * @param memory false: a paused sandbox is booted again instead of resumed
     */
    public record Connect(
            @Nullable Integer timeout, @Nullable Boolean memory) {}

    /** {@code POST /sandboxes/{id}/timeout}: seconds from now. */
    public record Timeout(@Nullable Integer timeout) {}

    /** {@code POST /sandboxes/{id}/refreshes}: seconds from now; only lengthens. */
    public record Refresh(@Nullable Integer duration) {}

    /** {@code POST /sandboxes/{id}/pause}: whether the memory is kept. */
    public record Pause(@Nullable Boolean memory) {}

    /** {@code POST /sandboxes/{id}/snapshots}. */
    public record NewSnapshot(@Nullable String name) {}

    /**
     * {@code POST /sandboxes/{id}/fork}.
     *
     * @param timeout seconds that each copy lives
     * @param count copies; absent: one
     */
    public record NewFork(
            @Nullable Integer timeout, @Nullable Integer count) {}

    /** Answer of {@code GET /templates/aliases/{alias}}. */
    public record TemplateAlias(
            @JsonProperty("templateID") String templateId,
            @JsonProperty("public") boolean isPublic) {}
}
