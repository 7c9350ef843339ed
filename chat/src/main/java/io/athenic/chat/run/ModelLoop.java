package io.athenic.chat.run;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import io.athenic.chat.llm.Cancellation;
import io.athenic.chat.llm.ModelClient;
import io.athenic.chat.llm.ModelException;
import io.athenic.chat.llm.TurnCancelledException;
import io.athenic.chat.thread.Message;
import io.athenic.chat.thread.Part;
import io.athenic.chat.thread.RunStatus;
import io.athenic.execution.IntentAnalyzer.Intent;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;

/** The conversation with the model for one message: it asks for code to be run, sees what came of it, and answers. */
final class ModelLoop {

    private static final int MALFORMED_CALLS = 2;

    private final AnswerRun.Tools tools;
    private final ModelClient model;
    private final Journal journal;
    private final Executor executor;
    private final Cancellation cancellation;
    private final List<ChatMessage> messages = new ArrayList<>();
    private final long deadline;
    private int executions;
    private int failuresInARow;
    private int malformed;

    ModelLoop(AnswerRun.Tools tools, ModelClient model, Journal journal, Executor executor, Cancellation cancellation) {
        this.tools = tools;
        this.model = model;
        this.journal = journal;
        this.executor = executor;
        this.cancellation = cancellation;
        this.deadline = System.nanoTime() + tools.limits().whole().toNanos();
    }

    /**
     * Writes the answer into the journal.
     *
     * @throws ModelException when the model fails
     * @throws TurnCancelledException when the person stops it
     */
    void answer(List<Message> earlier, Message question, ExecuteMode mode, Intent intent) {
        boolean mayExecute = mode != ExecuteMode.NEVER;
        open(earlier, question, mayExecute);
        if (carriesRunnableCode(intent)) {
            runCarried(intent);
        }
        converse(mode, mayExecute);
    }

    /** Goes on after code that was run for the question in an earlier life of the server: what the model had said before it is not known. */
    void goOn(List<Message> earlier, Message question, Part.Execution execution, CodeOutcome outcome) {
        open(earlier, question, true);
        ToolExecutionRequest call = Prompt.call("call_resumed", execution.language(), execution.code());
        messages.add(AiMessage.from(call));
        messages.add(ToolExecutionResultMessage.from(call, reported(outcome)));
        converse(ExecuteMode.AUTO, true);
    }

    private void open(List<Message> earlier, Message question, boolean mayExecute) {
        messages.add(Prompt.system(LocalDate.ofInstant(tools.clock().instant(), ZoneOffset.UTC), mayExecute));
        messages.addAll(Prompt.conversation(earlier, question));
    }

    private void converse(ExecuteMode mode, boolean mayExecute) {
        boolean mustExecute = mode == ExecuteMode.ALWAYS && executions == 0;
        while (true) {
            journal.status(executions == 0 ? RunStatus.DECIDING : RunStatus.ANSWERING, null);
            ChatResponse response = ask(mayExecute && budgetLeft(), mustExecute);
            mustExecute = false;
            AiMessage said = response.aiMessage();
            journal.endText();
            if (!said.hasToolExecutionRequests()) {
                finish(response);
                return;
            }
            if (!mayExecute || !budgetLeft()) {
                throw new ModelException(
                        "The model " + model.label() + " asked for more code to be run than is allowed.");
            }
            messages.add(said);
            for (ToolExecutionRequest call : said.toolExecutionRequests()) {
                messages.add(ToolExecutionResultMessage.from(call, handle(call)));
            }
        }
    }

    private boolean carriesRunnableCode(Intent intent) {
        return intent.requiresExecution()
                && intent.code() != null
                && intent.language() != null
                && tools.sandboxes().languages().contains(intent.language());
    }

    /** Code that the message itself carries is run at once: the model comes in for the explanation. */
    private void runCarried(Intent intent) {
        if (intent.language() == null || intent.code() == null) {
            return;
        }
        ToolExecutionRequest call = Prompt.call("call_carried", intent.language(), intent.code());
        messages.add(AiMessage.from(call));
        messages.add(ToolExecutionResultMessage.from(call, execute(intent.language(), intent.code(), intent.reason())));
    }

    private ChatResponse ask(boolean offerTool, boolean mustExecute) {
        // Some providers refuse a conversation that holds tool calls unless the tool is named with it: so it always is.
        ChatRequest.Builder request = ChatRequest.builder()
                .messages(messages)
                .toolSpecifications(Prompt.tool(tools.sandboxes().languages()));
        if (!offerTool) {
            request.toolChoice(ToolChoice.NONE);
        } else if (mustExecute) {
            request.toolChoice(ToolChoice.REQUIRED);
        }
        return model.ask(request.build(), journal::text, timeLeft(), cancellation);
    }

    private void finish(ChatResponse response) {
        String text = response.aiMessage().text();
        if (text == null || text.isBlank()) {
            throw new ModelException("The model " + model.label() + " sent an empty answer. Send the message again.");
        }
        if (response.finishReason() == null) {
            throw new ModelException("The connection to the model " + model.label()
                    + " ended before the answer was complete. Send the message again.");
        }
        if (response.finishReason() == FinishReason.LENGTH) {
            journal.notice(Part.Level.WARNING, "The answer reached the model's longest length and is cut off here.");
        } else if (response.finishReason() == FinishReason.CONTENT_FILTER) {
            journal.notice(Part.Level.WARNING, "The provider's content filter ended the answer here.");
        }
    }

    private String handle(ToolExecutionRequest request) {
        return switch (ToolCall.read(request, tools.sandboxes().languages())) {
            case ToolCall.Run run ->
                budgetLeft()
                        ? execute(run.language(), run.code(), "the model asked for it")
                        : "Not run: no more executions are allowed for this message. Answer with what you have.";
            case ToolCall.Malformed call -> {
                malformed++;
                if (malformed >= MALFORMED_CALLS) {
                    throw new ModelException("The model " + model.label()
                            + " keeps asking for code in a form that cannot be run (" + call.problem()
                            + "). Send the message again, or choose another model by ATHENIC_MODEL.");
                }
                yield "Not run: " + call.problem() + ".";
            }
        };
    }

    private String execute(String language, String code, String reason) {
        Duration left = timeLeft();
        Duration limit = tools.limits().execution();
        return reported(executor.run(language, code, reason, left.compareTo(limit) < 0 ? left : limit));
    }

    /** Counts an execution; what the model is told of it. */
    private String reported(CodeOutcome outcome) {
        executions++;
        if (outcome.cancelled()) {
            throw new TurnCancelledException();
        }
        failuresInARow = outcome.succeeded() ? 0 : failuresInARow + 1;
        String report = Report.forModel(outcome);
        if (failuresInARow > tools.limits().fixes()) {
            journal.notice(
                    Part.Level.INFO,
                    "The code still fails after " + tools.limits().fixes() + " attempts to fix it.");
            return report + "\n\nThis was the last attempt. Do not try again: say what fails and what would help.";
        }
        return budgetLeft() ? report : report + "\n\nThis was the last execution that is allowed for this message.";
    }

    private boolean budgetLeft() {
        return executions < tools.limits().executions()
                && failuresInARow <= tools.limits().fixes();
    }

    private Duration timeLeft() {
        Duration left = Duration.ofNanos(deadline - System.nanoTime());
        if (!left.isPositive()) {
            throw new ModelException("The time for this answer is over ("
                    + Report.seconds(tools.limits().whole()) + "). Ask for less at once, or send the message again.");
        }
        return left;
    }
}
