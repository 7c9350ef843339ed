package io.athenic.e2b.protocol;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Messages of {@code process.Process}. */
public final class ProcessApi {
    public static final String SERVICE = "/process.Process/";

    private ProcessApi() {}

    public record ProcessConfig(
            String cmd,
            List<String> args,
            Map<String, String> envs,
            @Nullable String cwd) {
        @SuppressWarnings("ConstantValue")
        public ProcessConfig {
            cmd = cmd == null ? "" : cmd;
            args = args == null ? List.of() : List.copyOf(args);
            envs = envs == null ? Map.of() : Map.copyOf(envs);
        }
    }

    public record PtySize(int cols, int rows) {}

    public record Pty(@Nullable PtySize size) {}

    /**
     * Start.
     *
     * @param stdin whether stdin stays open for input; absent: it does
     */
    public record StartRequest(
            @Nullable ProcessConfig process,
            @Nullable Pty pty,
            @Nullable String tag,
            @Nullable Boolean stdin) {}

    /** Connect and CloseStdin. */
    public record SelectRequest(@Nullable ProcessSelector process) {}

    public record ProcessInfo(
            ProcessConfig config, int pid, @Nullable String tag) {}

    public record ListResponse(List<ProcessInfo> processes) {
        @SuppressWarnings("ConstantValue")
        public ListResponse {
            processes = processes == null ? List.of() : List.copyOf(processes);
        }
    }

    /** {@code process.ProcessInput}: exactly one part is set. */
    @SuppressWarnings("ArrayRecordComponent") // a carrier of bytes; never compared
    public record ProcessInput(byte @Nullable [] stdin, byte @Nullable [] pty) {}

    public record SendInputRequest(
            @Nullable ProcessSelector process, @Nullable ProcessInput input) {}

    /** One message of StreamInput: first a start, then data. */
    public record StreamInputRequest(
            @Nullable SelectRequest start,
            @Nullable InputData data,
            @Nullable Empty keepalive) {}

    public record InputData(@Nullable ProcessInput input) {}

    public record SendSignalRequest(
            @Nullable ProcessSelector process, @Nullable Signal signal) {}

    public record UpdateRequest(
            @Nullable ProcessSelector process, @Nullable Pty pty) {}
}
