package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Bodies of the code interpreter. */
public final class CodeApi {
    private CodeApi() {}

    /** {@code POST /execute}. Neither context nor language: the default Python context. */
    public record ExecuteRequest(
            @Nullable String code,
            @JsonProperty("context_id") @Nullable String contextId,
            @Nullable String language,
            @JsonProperty("env_vars") @Nullable Map<String, String> envVars) {}

    /** {@code POST /contexts}. */
    public record NewContext(
            @Nullable String language, @Nullable String cwd) {}

    /** {@code POST /executions/ID/ack}, which is ours: the stream of a durable execution is kept safely up to this position. */
    public record Acknowledgement(long position) {}

    /** A context, as created and listed. */
    public record Context(String id, String language, String cwd) {}
}
