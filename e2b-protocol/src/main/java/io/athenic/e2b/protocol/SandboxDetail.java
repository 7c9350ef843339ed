package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * {@code GET /sandboxes/{id}}: what the list tells, and the access token. Sizes in MiB.
 *
 * @param memoryKept of a paused sandbox, not a field of E2B's: whether its processes go on at a resume, rather than start anew
 */
public record SandboxDetail(
        @JsonProperty("sandboxID") String sandboxId,
        @JsonProperty("templateID") String templateId,
        @JsonProperty("clientID") @Nullable String clientId,
        @Nullable String alias,
        Instant startedAt,
        Instant endAt,
        String state,
        int cpuCount,
        @JsonProperty("memoryMB") int memoryMb,
        @JsonProperty("diskSizeMB") int diskSizeMb,
        String envdVersion,
        @Nullable Map<String, String> metadata,
        @Nullable String envdAccessToken,
        @Nullable String domain,
        @Nullable Boolean allowInternetAccess,
        @Nullable JsonNode network,
        @Nullable Lifecycle lifecycle,
        @Nullable Boolean memoryKept) {

    /**
     * What ends it.
     *
     * @param onTimeout {@code kill} or {@code pause}
     */
    public record Lifecycle(String onTimeout, boolean autoResume) {}

    public static SandboxDetail of(
            ListedSandbox listed,
            @Nullable String envdAccessToken,
            @Nullable String domain,
            boolean allowInternetAccess,
            @Nullable JsonNode network,
            Lifecycle lifecycle,
            @Nullable Boolean memoryKept) {
        return new SandboxDetail(
                listed.sandboxId(),
                listed.templateId(),
                listed.clientId(),
                listed.alias(),
                listed.startedAt(),
                listed.endAt(),
                listed.state(),
                listed.cpuCount(),
                listed.memoryMb(),
                listed.diskSizeMb(),
                listed.envdVersion(),
                listed.metadata(),
                envdAccessToken,
                domain,
                allowInternetAccess,
                network,
                lifecycle,
                memoryKept);
    }
}
