package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;
import org.jspecify.annotations.Nullable;

/**
 * The answer to create, connect and resume.
 *
 * @param envdAccessToken what {@code X-Access-Token} must hold; absent when the sandbox is not secure
 * @param domain the domain of its ports' host names; absent: the client's own
 */
public record SandboxInfo(
        @JsonProperty("sandboxID") String sandboxId,
        @JsonProperty("templateID") String templateId,
        @JsonProperty("clientID") @Nullable String clientId,
        String envdVersion,
        @Nullable String envdAccessToken,
        @Nullable String trafficAccessToken,
        @Nullable String domain,
        @Nullable String alias) {}
