package io.athenic.engine;

import java.util.List;

/**
 * A picture of the engine at one moment.
 *
 * @param detail one sentence about the state, for a person; what to do when it is not READY
 * @param pooled finished rooms waiting
 * @param running sandboxes alive, paused ones too
 * @param created sandboxes made since the start
 * @param poolHits creates served from the pool
 * @param poolMisses creates that had to build their room
 * @param notes what is weaker on this machine and why, as roomd found it
 */
public record EngineStatus(
        EngineState state,
        String detail,
        int pooled,
        int running,
        long created,
        long poolHits,
        long poolMisses,
        List<String> notes) {
    public EngineStatus {
        notes = List.copyOf(notes);
    }
}
