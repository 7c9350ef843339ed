package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One item of {@code GET /v2/sandboxes}. Sizes in MiB. {@code state} is {@code running} or {@code paused}. */
public record ListedSandbox(
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
        @Nullable Map<String, String> metadata) {}
