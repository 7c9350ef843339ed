package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code process.ProcessSelector}: a process by its pid or by the tag it was started with. */
public sealed interface ProcessSelector {
    record Pid(int pid) implements ProcessSelector {
        @JsonValue
        Map<String, Integer> wire() {
            return Map.of("pid", pid);
        }
    }

    record Tag(String tag) implements ProcessSelector {
        @JsonValue
        Map<String, String> wire() {
            return Map.of("tag", tag);
        }
    }

    @JsonCreator
    static ProcessSelector ofWire(
            @JsonProperty("pid") @Nullable Integer pid, @JsonProperty("tag") @Nullable String tag) {
        if (pid != null && tag == null) {
            return new Pid(pid);
        }
        if (tag != null && pid == null) {
            return new Tag(tag);
        }
        throw new IllegalArgumentException("process: either pid or tag is expected");
    }
}
