package io.athenic.execution;

import io.athenic.e2b.CodeExecution;
import io.athenic.e2b.CodeInterpreter;
import io.athenic.e2b.ExecuteOptions;
import io.athenic.e2b.Sandbox;
import io.athenic.e2b.SandboxException;
import io.athenic.e2b.protocol.CodeApi;
import io.athenic.e2b.protocol.CodeEvent;
import java.time.Duration;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes sure that stopped code has stopped. Closing its stream has interrupted it already; whether that worked is asked by an empty
 * execution in the same context, which can only run when the code has ended. Else the context is restarted, else the sandbox is killed.
 */
final class Stopper {
    private static final Logger LOG = LoggerFactory.getLogger(Stopper.class);

    /** What worked, for people. */
    static final String INTERRUPTED = "the code was interrupted, variables and files are kept";

    static final String RESTARTED =
            "the code did not react to the interrupt, so its context was restarted: variables are lost, files are kept";
    static final String KILLED =
            "the code could not be stopped otherwise, so its sandbox was closed: variables and files are lost";
    static final String CLOSED = "its sandbox was closed";

    /** The grace is counted in so many pieces: a machine that stands still takes one of them away, whatever the clock says. */
    private static final int PIECES = 8;

    /** For each answer of the sandbox itself, which the stopped code does not delay: a machine that stands still is no reason to lose more than need be. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final Duration grace;

    Stopper(Duration grace) {
        this.grace = grace;
    }

    /**
     * Preconditions: the stream of the code is closed. Takes the grace and a moment; 15 s more where the sandbox hardly answers.
     *
     * @param count what the context counted for the stopped execution; 0: it had not begun
     */
    String stop(Sandbox sandbox, String language, int count) {
        OptionalInt next = probe(sandbox, language);
        if (next.isPresent()) {
            // A server that gives up on the interrupt by itself begins to count anew.
            boolean sameLife = next.getAsInt() == 0 || next.getAsInt() > count;
            return sameLife ? INTERRUPTED : RESTARTED;
        }
        if (restarts(sandbox, language)) {
            return RESTARTED;
        }
        kill(sandbox);
        return KILLED;
    }

    /** Ends the sandbox; a failure is logged: its timeout ends it later. */
    static void kill(Sandbox sandbox) {
        try {
            boolean ignored = sandbox.kill();
        } catch (SandboxException e) {
            LOG.warn("sandbox {} could not be closed, its timeout will end it: {}", sandbox.id(), e.getMessage());
        }
    }

    /** Runs nothing: what the context counts for it (0: not told), or empty if that did not end within the grace. */
    private OptionalInt probe(Sandbox sandbox, String language) {
        var probe = ExecuteOptions.of("").withLanguage(language).withStartTimeout(PATIENCE);
        CodeExecution execution;
        try {
            execution = sandbox.code().execute(probe);
        } catch (SandboxException e) {
            return OptionalInt.empty();
        }
        Thread deadline = Thread.ofVirtual().name("stop-deadline").start(() -> {
            try {
                for (int piece = 0; piece < PIECES; piece++) {
                    Thread.sleep(grace.dividedBy(PIECES));
                }
                execution.close();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        try {
            int count = 0;
            while (execution.hasNext()) {
                if (execution.next() instanceof CodeEvent.Accepted accepted) {
                    count = accepted.executionCount();
                }
            }
            return execution.isComplete() ? OptionalInt.of(count) : OptionalInt.empty();
        } catch (SandboxException e) {
            return OptionalInt.empty();
        } finally {
            deadline.interrupt();
            execution.close();
        }
    }

    private boolean restarts(Sandbox sandbox, String language) {
        CodeInterpreter code = sandbox.code().withRequestTimeout(PATIENCE);
        try {
            for (CodeApi.Context context : code.listContexts()) {
                if (context.language().equals(language)) {
                    code.restartContext(context.id());
                    return true;
                }
            }
            return false;
        } catch (SandboxException e) {
            return false;
        }
    }
}
