package io.athenic.engine.template;

import java.util.List;
import java.util.Optional;

/**
 * How a template is built.
 *
 * @param from name or alias of a template
 * @param force runs every step again
 */
public record BuildRequest(
        String from, List<Step> steps, Optional<String> start, Optional<String> ready, boolean force) {
    public static final int MAX_STEPS = 200;

    public BuildRequest {
        steps = List.copyOf(steps);
    }

    /** A step; {@code force} runs it again, and all after it. */
    public record Step(BuildStep what, boolean force) {}
}
