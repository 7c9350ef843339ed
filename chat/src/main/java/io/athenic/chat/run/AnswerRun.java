package io.athenic.chat.run;

import io.athenic.chat.intent.IntentRules;
import io.athenic.chat.llm.Cancellation;
import io.athenic.chat.llm.ModelClient;
import io.athenic.chat.llm.ModelException;
import io.athenic.chat.llm.TurnCancelledException;
import io.athenic.chat.store.ChatStore;
import io.athenic.chat.store.NoSuchThreadException;
import io.athenic.chat.thread.Message;
import io.athenic.chat.thread.MessageStatus;
import io.athenic.chat.thread.Part;
import io.athenic.chat.thread.RunStatus;
import io.athenic.execution.ApiException;
import io.athenic.execution.IntentAnalyzer.Intent;
import io.athenic.execution.IntentAnalyzer.Turn;
import java.time.InstantSource;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers one message: decide, execute, explain. It always ends with a final status and something to read: an answer, or a notice
 * that says what happened and what to do. Runs on a thread of its own.
 */
public final class AnswerRun implements Runnable {

    private static final Logger LOG = LoggerFactory.getLogger(AnswerRun.class);
    private static final int HISTORY = 40;

    /** What every run of a chat shares; {@code model} is null when none is configured. */
    public record Tools(
            ChatStore store,
            Sandboxes sandboxes,
            ThreadSandbox threadSandbox,
            IntentRules analyzer,
            @Nullable ModelClient model,
            RunLimits limits,
            InstantSource clock) {}

    private final Tools tools;
    private final Question question;
    private final Cancellation cancellation;
    private final @Nullable Begun begun;
    private final Journal journal;
    private final Executor executor;

    /** @param begun code that runs for the answer since an earlier life of the server; absent: the answer is empty */
    public AnswerRun(Tools tools, Question question, Cancellation cancellation, @Nullable Begun begun) {
        this.begun = begun;
        this.tools = tools;
        this.question = question;
        this.cancellation = cancellation;
        this.journal = new Journal(tools.store(), question.runId(), question.answer());
        this.executor = new Executor(journal, tools.threadSandbox(), tools.sandboxes(), cancellation);
    }

    @Override
    public void run() {
        try {
            try {
                answer();
            } catch (TurnCancelledException e) {
                finishCancelled();
            } catch (ModelException e) {
                LOG.info("run {}: {}", question.runId(), e.getMessage());
                fail(cancellation.isCancelled() ? null : e.getMessage());
            } catch (ApiException e) {
                LOG.warn("run {}: {}", question.runId(), e.getMessage());
                fail(cancellation.isCancelled() ? null : e.getMessage());
            } catch (NoSuchThreadException e) {
                throw e;
            } catch (RuntimeException e) {
                LOG.error("run {} failed", question.runId(), e);
                fail("Something went wrong on our side; the log has the details under run " + question.runId() + ".");
            }
        } catch (NoSuchThreadException e) {
            LOG.debug("run {}: its thread was deleted", question.runId());
        } catch (RuntimeException e) {
            LOG.error("run {}: its end could not be stored", question.runId(), e);
        }
    }

    private void answer() {
        List<Message> earlier = earlier();
        if (begun != null) {
            goOn(earlier, begun);
            return;
        }
        Intent intent = decide(earlier);
        if (tools.model() != null) {
            new ModelLoop(tools, tools.model(), journal, executor, cancellation)
                    .answer(earlier, question.message(), question.mode(), intent);
            finishComplete();
        } else {
            answerWithoutModel(repeated(intent, earlier));
        }
    }

    private void goOn(List<Message> earlier, Begun running) {
        CodeOutcome outcome = executor.follow(running, tools.limits().execution());
        if (outcome.cancelled()) {
            throw new TurnCancelledException();
        }
        if (tools.model() == null) {
            explain(outcome);
            return;
        }
        new ModelLoop(tools, tools.model(), journal, executor, cancellation)
                .goOn(earlier, question.message(), running.execution(), outcome);
        finishComplete();
    }

    private void explain(CodeOutcome outcome) {
        journal.status(RunStatus.ANSWERING, null);
        journal.text(Report.answer(outcome));
        finishComplete();
    }

    private List<Message> earlier() {
        List<Message> messages = tools.store().messages(journal.threadId(), HISTORY + 2);
        return messages.stream()
                .filter(message -> !message.id().equals(question.message().id())
                        && !message.id().equals(question.answer().id()))
                .toList();
    }

    private Intent decide(List<Message> earlier) {
        List<Turn> history = earlier.stream()
                .map(message -> new Turn(message.role().wire(), historyText(message)))
                .toList();
        Intent intent = tools.analyzer().analyze(question.message().text(), history);
        return switch (question.mode()) {
            case AUTO -> intent;
            case ALWAYS ->
                intent.requiresExecution()
                        ? intent
                        : tools.analyzer().force(question.message().text());
            case NEVER -> new Intent(false, null, null, "you asked to run nothing");
        };
    }

    /** What was said, and that code ran: follow-ups are judged by it. */
    private static String historyText(Message message) {
        StringBuilder text = new StringBuilder();
        for (Part part : message.parts()) {
            switch (part) {
                case Part.Text said -> text.append(said.text()).append('\n');
                case Part.Execution execution ->
                    text.append("I ran this ")
                            .append(execution.language())
                            .append(" code:\n```")
                            .append(execution.language())
                            .append('\n')
                            .append(execution.code())
                            .append("\n```\n");
                case Part.Notice _, Part.File _ -> {}
            }
        }
        return text.toString();
    }

    /** "Run it again" needs no model: the code stands in the conversation. */
    private Intent repeated(Intent intent, List<Message> earlier) {
        boolean wanted = intent.requiresExecution()
                && intent.code() == null
                && tools.analyzer().asksToRepeat(question.message().text());
        if (wanted) {
            for (Message message : earlier.reversed()) {
                for (Part part : message.parts().reversed()) {
                    if (part instanceof Part.Execution last) {
                        return new Intent(true, last.language(), last.code(), intent.reason());
                    }
                }
            }
        }
        return intent;
    }

    private void answerWithoutModel(Intent intent) {
        String code = intent.code();
        String language = intent.language();
        if (!intent.requiresExecution()) {
            journal.text(question.mode() == ExecuteMode.NEVER ? NoModel.NOTHING_RUN : NoModel.CONVERSATION);
            finishComplete();
        } else if (code == null || language == null) {
            fail(NoModel.CODE_MUST_BE_WRITTEN);
        } else if (!tools.sandboxes().languages().contains(language)) {
            fail(NoModel.unknownLanguage(language, tools.sandboxes().languages()));
        } else {
            CodeOutcome outcome =
                    executor.run(language, code, intent.reason(), tools.limits().execution());
            if (outcome.cancelled()) {
                throw new TurnCancelledException();
            }
            explain(outcome);
        }
    }

    private void finishComplete() {
        journal.finish(MessageStatus.COMPLETE, RunStatus.COMPLETE, null);
    }

    private void finishCancelled() {
        journal.notice(Part.Level.INFO, cancellation.isCancelled() ? cancellation.why() : "The code was stopped.");
        journal.finish(MessageStatus.CANCELLED, RunStatus.CANCELLED, null);
    }

    /** @param why null when it failed because it was being stopped */
    private void fail(@Nullable String why) {
        if (why == null) {
            finishCancelled();
            return;
        }
        journal.notice(Part.Level.ERROR, why);
        journal.finish(MessageStatus.FAILED, RunStatus.FAILED, why);
    }
}
