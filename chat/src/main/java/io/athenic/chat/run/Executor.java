package io.athenic.chat.run;

import io.athenic.chat.llm.Cancellation;
import io.athenic.chat.thread.MessageData;
import io.athenic.chat.thread.Part;
import io.athenic.chat.thread.RunStatus;
import io.athenic.execution.ApiException;
import java.time.Duration;
import java.util.UUID;

/** Runs code in the thread's sandbox and writes it into the answer. Belongs to one run. */
final class Executor {

    private static final Duration GRACE = Duration.ofSeconds(30);

    private final Journal journal;
    private final ThreadSandbox sandbox;
    private final Sandboxes sandboxes;
    private final Cancellation cancellation;

    Executor(Journal journal, ThreadSandbox sandbox, Sandboxes sandboxes, Cancellation cancellation) {
        this.journal = journal;
        this.sandbox = sandbox;
        this.sandboxes = sandboxes;
        this.cancellation = cancellation;
    }

    /**
     * Runs code and waits for its end.
     *
     * @throws ApiException when there is no sandbox to run it in
     */
    CodeOutcome run(String language, String code, String reason, Duration timeout) {
        cancellation.check();
        journal.status(RunStatus.STARTING, null);
        ThreadSandbox.Found found = sandbox.obtain(journal.threadId());
        if (found.replaced()) {
            journal.notice(
                    Part.Level.WARNING,
                    "The sandbox of this chat had ended, so a new one was started. Variables, installed packages and files"
                            + " from before are gone: upload files again if they are needed.");
        }
        cancellation.check();
        String clientId = "session_" + UUID.randomUUID();
        Sandboxes.StartedCode started = sandboxes.start(found.sandboxId(), clientId, language, code, timeout);
        String id = started.executionId();
        String initial = started.status();
        Part.Execution running =
                new Part.Execution(id, language, code, initial, reason, clientId, found.sandboxId(), null);
        int place = journal.begin(running, new MessageData(sandboxes.webSocketUrl(), clientId, id, initial));
        return follow(new Begun(place, running, started), timeout);
    }

    /**
     * Waits for the end of code that is in the answer already.
     *
     * @throws ApiException when it does not end in time
     */
    CodeOutcome follow(Begun begun, Duration timeout) {
        journal.status(RunStatus.RUNNING, null);
        int place = begun.place();
        Part.Execution running = begun.execution();
        String id = running.executionId();
        CodeOutcome outcome;
        try (var _ = cancellation.onCancel(() -> sandboxes.cancel(id))) {
            outcome = begun.code().await(timeout.plus(GRACE));
        } catch (ApiException e) {
            sandboxes.cancel(id);
            journal.end(place, ended(running, "error", String.valueOf(e.getMessage())), sandboxes.webSocketUrl());
            throw e;
        }
        journal.end(place, ended(running, outcome.status(), Report.summary(outcome)), sandboxes.webSocketUrl());
        return outcome;
    }

    private static Part.Execution ended(Part.Execution running, String status, String summary) {
        return new Part.Execution(
                running.executionId(),
                running.language(),
                running.code(),
                status,
                running.reason(),
                running.clientId(),
                running.sandboxId(),
                summary);
    }
}
