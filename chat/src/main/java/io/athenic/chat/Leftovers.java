package io.athenic.chat;

import io.athenic.chat.store.ChatStore;
import io.athenic.chat.store.NoSuchThreadException;
import io.athenic.chat.thread.ActiveRun;
import io.athenic.chat.thread.Message;
import io.athenic.chat.thread.MessageStatus;
import io.athenic.chat.thread.Part;
import io.athenic.chat.thread.RunStatus;
import io.athenic.chat.thread.ThreadEvent;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The runs that the end of the server cut off: those whose code still runs go on, the others are ended, since nobody else would. */
final class Leftovers {

    private static final Logger LOG = LoggerFactory.getLogger(Leftovers.class);
    private static final String WHY = "The server was restarted while this was being answered. Send the message again.";

    /** Goes on with a run if it can. */
    interface Resumer {
        boolean resume(ActiveRun run, Message answer);
    }

    private final ChatStore store;
    private final Resumer resumer;

    Leftovers(ChatStore store, Resumer resumer) {
        this.store = store;
        this.resumer = resumer;
    }

    void settle(String node) {
        for (ActiveRun run : store.unfinishedRuns(node)) {
            store.message(run.messageId()).ifPresent(answer -> {
                if (!resumer.resume(run, answer)) {
                    end(run, answer);
                }
            });
        }
    }

    private void end(ActiveRun run, Message message) {
        List<Part> parts = new ArrayList<>();
        for (Part part : message.parts()) {
            parts.add(
                    part instanceof Part.Execution execution && execution.summary() == null ? cutOff(execution) : part);
        }
        parts.add(new Part.Notice(Part.Level.ERROR, WHY));
        Message failed = new Message(
                message.id(),
                message.threadId(),
                message.role(),
                message.createdAt(),
                MessageStatus.FAILED,
                parts,
                message.data());
        try {
            store.update(
                    failed,
                    run.id(),
                    RunStatus.FAILED,
                    List.of(
                            new ThreadEvent.MessageChanged(failed),
                            new ThreadEvent.RunChanged(run.id(), failed.id(), RunStatus.FAILED, WHY)));
            LOG.info("run {} was cut off by the last end of the server: marked failed", run.id());
        } catch (NoSuchThreadException e) {
            LOG.debug("run {}: its thread is gone", run.id());
        }
    }

    private static Part.Execution cutOff(Part.Execution execution) {
        return new Part.Execution(
                execution.executionId(),
                execution.language(),
                execution.code(),
                "error",
                execution.reason(),
                execution.clientId(),
                execution.sandboxId(),
                "Cut off by a restart of the server");
    }
}
