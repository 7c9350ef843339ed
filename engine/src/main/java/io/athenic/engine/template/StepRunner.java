package io.athenic.engine.template;

import io.athenic.engine.EngineException;
import io.athenic.engine.ErrorCode;
import io.athenic.engine.ProcessEvent;
import io.athenic.engine.ProcessSpec;
import io.athenic.engine.ProcessStream;
import io.athenic.engine.Sandbox;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Runs one step in its sandbox, with every line of output in the log. */
final class StepRunner {
    /** Of a step. */
    static final Duration LIMIT = Duration.ofMinutes(60);

    private static final String ROOT = "root";

    /** Nobody is there to answer a question or to heed a hint. */
    private static final Map<String, String> UNATTENDED = Map.of(
            "DEBIAN_FRONTEND", "noninteractive",
            "PIP_ROOT_USER_ACTION", "ignore",
            "PIP_DISABLE_PIP_VERSION_CHECK", "1",
            "NPM_CONFIG_UPDATE_NOTIFIER", "false");

    private static final String ARCHIVE = "/tmp/.copied-files";

    /** Arguments: source, target, owner, mode or nothing, archive. */
    private static final String COPY = """
            set -euo pipefail
            source=$1 target=$2 owner=$3 mode=$4 archive=$5
            work=$(mktemp -d /tmp/.copy-XXXXXX)
            trap 'rm -rf -- "$work" "$archive"' EXIT
            tar --extract --no-same-owner --file "$archive" --directory "$work"
            cd -- "$work"
            shopt -s dotglob nullglob
            if [ -e "$source" ] || [ -L "$source" ]; then entries=("$source"); else mapfile -t entries < <(compgen -G "$source"); fi
            [ ${#entries[@]} -gt 0 ] || { echo "nothing matches $source" >&2; exit 1; }
            chown --no-dereference --recursive -- "$owner" .
            [ -z "$mode" ] || find . -type f -exec chmod -- "$mode" {} +
            folder() { [ -d "$1" ] || { mkdir -p -- "$1"; chown -- "$owner" "$1"; }; }
            for entry in "${entries[@]}"; do
              if [ -d "$entry" ] && [ ! -L "$entry" ]; then
                folder "$target"
                cp --archive -- "$entry"/. "$target"/
              elif [ ${#entries[@]} -gt 1 ] || [[ $target == */ ]] || [ -d "$target" ]; then
                folder "$target"
                cp --archive -- "$entry" "$target"/
              else
                folder "$(dirname -- "$target")"
                cp --archive -- "$entry" "$target"
              fi
            done
            """;

    private final Sandbox sandbox;
    private final BuildLog log;
    private final String prefix;

    /** @param prefix of the lines of output */
    StepRunner(Sandbox sandbox, BuildLog log, String prefix) {
        this.sandbox = sandbox;
        this.log = log;
        this.prefix = prefix;
    }

    void run(BuildStep.Run step, BuildState state) throws InterruptedException {
        String user = step.user().orElse(state.user());
        // The folder is made when it is not there, as E2B does.
        if (!state.workdir().isEmpty()) {
            execute(List.of("/bin/mkdir", "-p", "--", state.workdir()), Map.of(), "/", ROOT);
        }
        Map<String, String> env = new HashMap<>(UNATTENDED);
        env.putAll(state.env());
        execute(
                List.of("/bin/bash", "-l", "-c", step.command()),
                env,
                state.workdir().isEmpty() ? null : state.workdir(),
                user);
    }

    void copy(BuildStep.Copy step, BuildState state, CopiedFiles files) throws InterruptedException {
        try (InputStream archive = files.open(step.files())) {
            sandbox.agent().write(ARCHIVE, ROOT, Map.of(), archive);
        } catch (IOException e) {
            throw new EngineException(
                    ErrorCode.UNAVAILABLE, "the copied files could not be sent: " + e.getMessage(), e);
        }
        String base = state.workdir().isEmpty() ? "/home/user" : state.workdir();
        String target = step.target().startsWith("/") ? step.target() : base + "/" + step.target();
        String owner = step.user().orElse(state.user());
        execute(
                List.of(
                        "/bin/bash",
                        "-c",
                        COPY,
                        "copy",
                        step.source(),
                        target,
                        owner,
                        step.mode().orElse(""),
                        ARCHIVE),
                Map.of(),
                "/",
                ROOT);
    }

    private void execute(List<String> command, Map<String, String> env, @Nullable String cwd, String user)
            throws InterruptedException {
        var spec = new ProcessSpec(
                command.getFirst(), command.subList(1, command.size()), env, cwd, user, false, null, null, LIMIT);
        try (ProcessStream process = sandbox.agent().start(spec)) {
            Lines out = new Lines();
            Lines err = new Lines();
            while (true) {
                switch (process.next(Duration.ofSeconds(60))) {
                    case ProcessEvent.Stdout bytes -> out.add(bytes.bytes());
                    case ProcessEvent.Stderr bytes -> err.add(bytes.bytes());
                    case ProcessEvent.Ended ended -> {
                        out.end();
                        err.end();
                        check(ended);
                        return;
                    }
                    case null, default -> {
                        // it is silent
                    }
                }
            }
        }
    }

    private static void check(ProcessEvent.Ended ended) {
        if (ended.exitCode() != 0) {
            throw new EngineException(
                    ErrorCode.FAILED_PRECONDITION, "it ended with " + ended.status() + ", and the log says why");
        }
    }

    /** Cuts output into lines; of a line that a program overwrites (progress) the last state counts. */
    private final class Lines {
        private static final int LONGEST = 16 * 1024;
        private final java.io.ByteArrayOutputStream line = new java.io.ByteArrayOutputStream();

        void add(byte[] bytes) {
            for (byte each : bytes) {
                if (each == '\n' || line.size() >= LONGEST) {
                    end();
                }
                if (each != '\n') {
                    line.write(each);
                }
            }
        }

        void end() {
            String text = line.toString(java.nio.charset.StandardCharsets.UTF_8).stripTrailing();
            line.reset();
            if (!text.isEmpty()) {
                log.output(prefix + text.substring(text.lastIndexOf('\r') + 1));
            }
        }
    }
}
