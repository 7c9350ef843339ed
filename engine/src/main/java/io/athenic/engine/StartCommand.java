package io.athenic.engine;

import java.time.Duration;
import java.util.Optional;

/** A template's start command: started with every sandbox of it, which is handed out when the ready check succeeds. */
final class StartCommand {
    /** The process of the command can be found by it. */
    static final String TAG = "start-command";

    private static final Duration PAUSE = Duration.ofMillis(200);
    private static final int LAST_WORDS = 2000;

    private StartCommand() {}

    /** FAILED_PRECONDITION when the command ends with a failure, or the check does not succeed in time. */
    static void run(Sandbox sandbox, TemplateSettings settings, Duration within) {
        long deadline = System.nanoTime() + within.toNanos();
        StringBuilder said = new StringBuilder();
        try {
            if (settings.start().isEmpty()) {
                awaitReady(sandbox, settings, deadline, Optional.empty(), said);
                return;
            }
            var command = tagged(ProcessSpec.shell(settings.start().get()));
            try (ProcessStream process = sandbox.agent().start(command)) {
                awaitReady(sandbox, settings, deadline, Optional.of(process), said);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineException(ErrorCode.UNAVAILABLE, "interrupted while a start command became ready", e);
        }
    }

    private static ProcessSpec tagged(ProcessSpec spec) {
        return new ProcessSpec(
                spec.cmd(), spec.args(), spec.env(), spec.cwd(), spec.user(), false, null, TAG, Duration.ZERO);
    }

    private static void awaitReady(
            Sandbox sandbox,
            TemplateSettings settings,
            long deadline,
            Optional<ProcessStream> process,
            StringBuilder said)
            throws InterruptedException {
        boolean alive = process.isPresent();
        Optional<String> check = settings.ready();
        while (true) {
            Duration left = Duration.ofNanos(deadline - System.nanoTime());
            if (!left.isPositive()) {
                throw failure(sandbox, "is not ready in time: " + check.orElse("it was not started"), said);
            }
            if (check.isEmpty() || succeeds(sandbox, check.get(), left)) {
                return;
            }
            if (alive) {
                alive = listen(sandbox, process.get(), said);
            } else {
                Thread.sleep(PAUSE);
            }
        }
    }

    /** Takes what the command says for a moment; false when it has ended well: what it started may become ready yet. */
    private static boolean listen(Sandbox sandbox, ProcessStream process, StringBuilder said)
            throws InterruptedException {
        long end = System.nanoTime() + PAUSE.toNanos();
        while (System.nanoTime() < end) {
            ProcessEvent event = process.next(Duration.ofNanos(Math.max(1, end - System.nanoTime())));
            switch (event) {
                case ProcessEvent.Stdout output -> keep(said, output.bytes());
                case ProcessEvent.Stderr output -> keep(said, output.bytes());
                case ProcessEvent.Ended ended -> {
                    if (ended.exitCode() != 0) {
                        throw failure(sandbox, "ended before it was ready (" + ended.status() + ")", said);
                    }
                    return false;
                }
                case null, default -> {
                    // nothing yet
                }
            }
        }
        return true;
    }

    private static boolean succeeds(Sandbox sandbox, String check, Duration within) throws InterruptedException {
        long deadline = System.nanoTime() + within.toNanos();
        try (ProcessStream process =
                sandbox.agent().start(ProcessSpec.shell(check).withTimeout(within))) {
            while (true) {
                ProcessEvent event = process.next(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())));
                if (event instanceof ProcessEvent.Ended ended) {
                    return ended.exitCode() == 0;
                }
                if (event == null && System.nanoTime() >= deadline) {
                    return false;
                }
            }
        }
    }

    private static void keep(StringBuilder said, byte[] bytes) {
        said.append(new String(bytes, java.nio.charset.StandardCharsets.UTF_8));
        if (said.length() > LAST_WORDS) {
            said.delete(0, said.length() - LAST_WORDS);
        }
    }

    private static EngineException failure(Sandbox sandbox, String what, StringBuilder said) {
        String words =
                said.isEmpty() ? "" : ". Its last output: " + said.toString().strip();
        return new EngineException(
                ErrorCode.FAILED_PRECONDITION,
                "the start command of template " + sandbox.template() + " " + what + words);
    }
}
