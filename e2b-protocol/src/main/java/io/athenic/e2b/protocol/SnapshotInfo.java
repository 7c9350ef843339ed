package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One snapshot. E2B's own fields are the first two.
 *
 * @param names may be empty
 * @param memory whether the memory is in it besides the files
 */
public record SnapshotInfo(
        @JsonProperty("snapshotID") String snapshotId,
        List<String> names,
        @JsonProperty("sandboxID") @Nullable String sandboxId,
        @JsonProperty("templateID") @Nullable String templateId,
        @Nullable Instant createdAt,
        @Nullable Long sizeBytes,
        @Nullable Boolean memory) {
    public SnapshotInfo {
        names = List.copyOf(names);
    }
}
