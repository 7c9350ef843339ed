package io.athenic.chat.run;

import io.athenic.chat.store.ChatStore;
import io.athenic.chat.thread.Message;
import io.athenic.chat.thread.MessageData;
import io.athenic.chat.thread.MessageStatus;
import io.athenic.chat.thread.Part;
import io.athenic.chat.thread.RunStatus;
import io.athenic.chat.thread.ThreadEvent;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The answer while it is written. Each change goes to the store together with its events. Used by the run's thread alone. */
final class Journal {

    private final ChatStore store;
    private final String runId;
    private final Message empty;
    private final List<Part> parts = new ArrayList<>();
    private MessageStatus status = MessageStatus.RUNNING;
    private RunStatus runStatus = RunStatus.DECIDING;
    private @Nullable MessageData data;
    private boolean textOpen;

    Journal(ChatStore store, String runId, Message answer) {
        this.store = store;
        this.runId = runId;
        this.empty = answer;
        this.parts.addAll(answer.parts());
        this.data = answer.data();
    }

    Message message() {
        return new Message(empty.id(), empty.threadId(), empty.role(), empty.createdAt(), status, parts, data);
    }

    String threadId() {
        return empty.threadId();
    }

    /** Moves the run on; the same status again says nothing. */
    void status(RunStatus next, @Nullable String detail) {
        if (next == runStatus && detail == null) {
            return;
        }
        runStatus = next;
        store.update(message(), runId, next, List.of(new ThreadEvent.RunChanged(runId, empty.id(), next, detail)));
    }

    /** Adds to the text that is being written, or begins a new text part. */
    void text(String piece) {
        List<ThreadEvent> events = new ArrayList<>();
        if (!textOpen) {
            parts.add(new Part.Text(""));
            textOpen = true;
            events.add(new ThreadEvent.MessageChanged(message()));
        }
        int last = parts.size() - 1;
        parts.set(last, new Part.Text(((Part.Text) parts.get(last)).text() + piece));
        events.add(new ThreadEvent.Delta(empty.id(), last, piece));
        store.update(message(), events);
    }

    /** The next text begins a part of its own. */
    void endText() {
        textOpen = false;
    }

    void notice(Part.Level level, String text) {
        endText();
        parts.add(new Part.Notice(level, text));
        store.update(message(), List.of(new ThreadEvent.MessageChanged(message())));
    }

    /** Adds an execution and answers its place. */
    int begin(Part.Execution execution, MessageData opening) {
        endText();
        data = opening;
        parts.add(execution);
        Message now = message();
        store.update(
                now,
                List.of(
                        new ThreadEvent.MessageChanged(now),
                        new ThreadEvent.ExecutionChanged(empty.id(), opening.webSocketUrl(), execution)));
        return parts.size() - 1;
    }

    /** Replaces the execution at {@code place} by its ended form. */
    void end(int place, Part.Execution execution, String webSocketUrl) {
        parts.set(place, execution);
        Message now = message();
        store.update(
                now,
                List.of(
                        new ThreadEvent.MessageChanged(now),
                        new ThreadEvent.ExecutionChanged(empty.id(), webSocketUrl, execution),
                        new ThreadEvent.FilesChanged()));
    }

    /** Ends message and run. */
    void finish(MessageStatus messageStatus, RunStatus last, @Nullable String detail) {
        status = messageStatus;
        runStatus = last;
        Message now = message();
        store.update(
                now,
                runId,
                last,
                List.of(
                        new ThreadEvent.MessageChanged(now),
                        new ThreadEvent.RunChanged(runId, empty.id(), last, detail)));
    }
}
