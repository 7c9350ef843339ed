package io.athenic.engine;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A process that the agent of a sandbox started and that still runs. Every text is the guest's word. */
public record ProcessInfo(
        int pid, Optional<String> tag, String cmd, List<String> args, Map<String, String> env, Optional<String> cwd) {
    public ProcessInfo {
        args = List.copyOf(args);
        env = Map.copyOf(env);
    }
}
