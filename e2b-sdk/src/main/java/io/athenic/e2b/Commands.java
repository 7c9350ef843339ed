package io.athenic.e2b;

import io.athenic.e2b.protocol.Empty;
import io.athenic.e2b.protocol.ProcessApi;
import io.athenic.e2b.protocol.ProcessApi.ProcessConfig;
import io.athenic.e2b.protocol.ProcessApi.ProcessInfo;
import io.athenic.e2b.protocol.ProcessApi.ProcessInput;
import io.athenic.e2b.protocol.ProcessSelector;
import io.athenic.e2b.protocol.Signal;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/** The processes of a sandbox. A command is run by {@code /bin/bash -l -c}. */
public final class Commands {
    private final SandboxLink link;
    private final Rpc rpc;

    Commands(SandboxLink link) {
        this.link = link;
        this.rpc = new Rpc(link, ProcessApi.SERVICE, false);
    }

    public CommandResult run(String command) {
        return run(command, CommandOptions.DEFAULT);
    }

    /**
     * Runs a command to its end.
     *
     * @throws CommandExitException it ended with another code than 0
     * @throws TimeoutException it was killed at its timeout
     */
    public CommandResult run(String command, CommandOptions options) {
        return run(command, options, text -> {}, text -> {});
    }

    /** As {@link #run(String, CommandOptions)}; output is given as it comes, too. */
    public CommandResult run(
            String command, CommandOptions options, Consumer<String> onStdout, Consumer<String> onStderr) {
        try (CommandHandle handle = start(command, options)) {
            return handle.waitFor(onStdout, onStderr);
        }
    }

    /** Starts a command and gives its output. Closing the handle does not end the process. */
    public CommandHandle start(String command, CommandOptions options) {
        var process = new ProcessConfig("/bin/bash", List.of("-l", "-c", command), options.env(), options.cwd());
        var request = new ProcessApi.StartRequest(process, null, null, options.stdin());
        long started = System.nanoTime();
        InputStream body = rpc.open("Start", request, options.user(), options.timeout());
        return CommandHandle.open(link, this, body, options.timeout(), started);
    }

    /**
     * The output of a running process from now on.
     *
     * @throws NotFoundException there is none of that pid
     */
    public CommandHandle connect(int pid) {
        var request = new ProcessApi.SelectRequest(new ProcessSelector.Pid(pid));
        InputStream body = rpc.open("Connect", request, null, Duration.ZERO);
        return CommandHandle.open(link, this, body, Duration.ZERO, System.nanoTime());
    }

    public List<ProcessInfo> list() {
        return rpc.call("List", Empty.EMPTY, ProcessApi.ListResponse.class).processes();
    }

    /** Kills a process; false if there is none of that pid. */
    public boolean kill(int pid) {
        try {
            var request = new ProcessApi.SendSignalRequest(new ProcessSelector.Pid(pid), Signal.SIGKILL);
            Empty ignored = rpc.call("SendSignal", request, Empty.class);
            return true;
        } catch (NotFoundException e) {
            return false;
        }
    }

    public void sendStdin(int pid, String text) {
        sendStdin(pid, text.getBytes(StandardCharsets.UTF_8));
    }

    public void sendStdin(int pid, byte[] bytes) {
        var request = new ProcessApi.SendInputRequest(new ProcessSelector.Pid(pid), new ProcessInput(bytes, null));
        Empty ignored = rpc.call("SendInput", request, Empty.class);
    }

    /** The process reads the end of its input. */
    public void closeStdin(int pid) {
        var request = new ProcessApi.SelectRequest(new ProcessSelector.Pid(pid));
        Empty ignored = rpc.call("CloseStdin", request, Empty.class);
    }
}
