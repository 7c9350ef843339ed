package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * {@code POST /sandboxes} and {@code POST /v2/sandboxes}. Absent fields mean the server's choice.
 *
 * @param timeout seconds until the sandbox ends; absent: 15, and 300 in the second version
 * @param secure whether envd demands the access token of the answer; the second version ignores it and always does
 * @param cpuCount cores; an extension of Athenic's server, as {@code memoryMb} and {@code diskSizeMb} are (MiB both); absent: the template's
 * @param autoPause pause instead of kill at the timeout
 * @param autoPauseMemory false: that pause keeps the files only
 * @param autoResume whether a request to the paused sandbox resumes it
 */
public record NewSandbox(
        @JsonProperty("templateID") @Nullable String templateId,
        @Nullable Integer timeout,
        @Nullable Map<String, String> metadata,
        @Nullable Map<String, String> envVars,
        @Nullable Boolean secure,
        @JsonProperty("allow_internet_access") @Nullable Boolean allowInternetAccess,
        @Nullable Boolean autoPause,
        @Nullable Boolean autoPauseMemory,
        @Nullable AutoResume autoResume,
        @Nullable JsonNode network,
        @Nullable JsonNode volumeMounts,
        @Nullable Integer cpuCount,
        @JsonProperty("memoryMB") @Nullable Integer memoryMb,
        @JsonProperty("diskSizeMB") @Nullable Integer diskSizeMb) {

    /** Without limits of its own. */
    public NewSandbox(
            @Nullable String templateId,
            @Nullable Integer timeout,
            @Nullable Map<String, String> metadata,
            @Nullable Map<String, String> envVars,
            @Nullable Boolean secure,
            @Nullable Boolean allowInternetAccess,
            @Nullable Boolean autoPause,
            @Nullable Boolean autoPauseMemory,
            @Nullable AutoResume autoResume,
            @Nullable JsonNode network,
            @Nullable JsonNode volumeMounts) {
        this(
                templateId,
                timeout,
                metadata,
                envVars,
                secure,
                allowInternetAccess,
                autoPause,
                autoPauseMemory,
                autoResume,
                network,
                volumeMounts,
                null,
                null,
                null);
    }

    /** Seconds that a sandbox lives when the request does not say. */
    public static final int DEFAULT_TIMEOUT = 15;

    /** The same for {@code POST /v2/sandboxes} and its connect. */
    public static final int DEFAULT_TIMEOUT_V2 = 300;

    /** An object, as E2B may add to it. */
    public record AutoResume(@Nullable Boolean enabled) {}

    /** The common case. */
    public static NewSandbox of(
            String template, int timeoutSeconds, Map<String, String> metadata, Map<String, String> env) {
        return new NewSandbox(template, timeoutSeconds, metadata, env, true, true, null, null, null, null, null);
    }
}
