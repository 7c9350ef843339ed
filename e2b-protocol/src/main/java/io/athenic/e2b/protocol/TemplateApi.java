package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Bodies of the control plane's calls for templates. */
public final class TemplateApi {
    private TemplateApi() {}

    /** {@code POST /v3/templates}; {@code alias} is the older word for the name. */
    public record Announce(
            @Nullable String name,
            @Nullable String alias,
            @Nullable List<String> tags,
            @Nullable Integer cpuCount,
            @JsonProperty("memoryMB") @Nullable Integer memoryMb,
            @JsonProperty("minFreeDiskMb") @Nullable Integer minFreeDiskMb) {}

    public record Announced(
            @JsonProperty("templateID") String templateId,
            @JsonProperty("buildID") String buildId,
            @JsonProperty("public") boolean isPublic,
            List<String> names,
            List<String> tags,
            List<String> aliases) {}

    /** {@code GET /templates/{id}/files/{hash}}: where to PUT an archive, unless it is there. */
    public record UploadLink(boolean present, String url) {}

    /** {@code POST /v2/templates/{id}/builds/{build}}. */
    public record Start(
            @Nullable String fromImage,
            @Nullable String fromTemplate,
            @Nullable String startCmd,
            @Nullable String readyCmd,
            @Nullable Boolean force,
            @Nullable List<Step> steps) {}

    /** One step; its type is RUN, COPY, ENV, WORKDIR or USER. */
    public record Step(
            @Nullable String type,
            @Nullable List<String> args,
            @Nullable String filesHash,
            @Nullable Boolean force) {}

    /** {@code GET …/status}. */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record BuildStatus(
            @JsonProperty("templateID") String templateId,
            @JsonProperty("buildID") String buildId,
            String status,
            List<String> logs,
            List<LogEntry> logEntries,
            @Nullable Reason reason) {}

    public record LogEntry(Instant timestamp, String level, String message) {}

    /** Why a build failed; the step is its number from 1 on, {@code base} or {@code finalize}. */
    public record Reason(String message, String step, List<LogEntry> logEntries) {}

    /**
     * {@code GET /templates}.
     *
     * @param sizeBytes of all its files; not E2B's
     * @param ownBytes of those that its base does not have; not E2B's
     */
    public record Listed(
            @JsonProperty("templateID") String templateId,
            @JsonProperty("buildID") String buildId,
            int cpuCount,
            @JsonProperty("memoryMB") int memoryMb,
            @JsonProperty("diskSizeMB") int diskSizeMb,
            @JsonProperty("public") boolean isPublic,
            List<String> aliases,
            List<String> names,
            Instant createdAt,
            Instant updatedAt,
            long spawnCount,
            int buildCount,
            String envdVersion,
            String buildStatus,
            long sizeBytes,
            long ownBytes) {}

    /** {@code GET /templates/space}: what all trees of templates take on the disk, and may take; not E2B's. */
    public record Space(int trees, long usedBytes, long boundBytes) {}
}
