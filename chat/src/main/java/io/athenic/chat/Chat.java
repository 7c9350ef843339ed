package io.athenic.chat;

import io.athenic.chat.intent.IntentRules;
import io.athenic.chat.llm.Cancellation;
import io.athenic.chat.llm.ModelClient;
import io.athenic.chat.run.AnswerRun;
import io.athenic.chat.run.Begun;
import io.athenic.chat.run.ExecuteMode;
import io.athenic.chat.run.Question;
import io.athenic.chat.run.SandboxFiles;
import io.athenic.chat.run.Sandboxes;
import io.athenic.chat.run.ServiceSandboxes;
import io.athenic.chat.run.ThreadSandbox;
import io.athenic.chat.store.ChatStore;
import io.athenic.chat.store.NoSuchThreadException;
import io.athenic.chat.store.ThreadBusyException;
import io.athenic.chat.thread.ActiveRun;
import io.athenic.chat.thread.ChatThread;
import io.athenic.chat.thread.Message;
import io.athenic.chat.thread.MessageStatus;
import io.athenic.chat.thread.Part;
import io.athenic.chat.thread.Role;
import io.athenic.chat.thread.ThreadSnapshot;
import io.athenic.execution.ApiException;
import io.athenic.execution.ErrorCode;
import io.athenic.execution.ExecutionService;
import io.athenic.execution.IntentAnalyzer;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Threads, their messages, and the runs that answer them. All methods block; they throw {@link ApiException} for requests that
 * cannot be done. Safe for use by many threads.
 */
public final class Chat implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Chat.class);

    /** The longest message, in bytes of UTF-8. */
    public static final int MESSAGE_BYTES = 256 * 1024;

    private static final int THREADS_LISTED = 1_000;
    private static final int TITLE_CHARACTERS = 200;
    /** A run's question is the newest message of a person: no other can be sent while the run is active. */
    private static final int RESUMED_HISTORY = 4;

    private static final Duration CLOSE_WAIT = Duration.ofSeconds(10);

    private record LiveRun(String threadId, Cancellation cancellation, Thread worker) {}

    private final ChatConfig config;
    private final EventHub hub;
    private final ChatStore store;
    private final ThreadSandbox threadSandbox;
    private final ThreadFiles files;
    private final Sandboxes sandboxes;
    private final AnswerRun.Tools tools;
    private final InstantSource clock;
    private final Ids ids = new Ids();
    private final Map<String, LiveRun> live = new ConcurrentHashMap<>();
    private volatile boolean closing;

    private Chat(
            ChatConfig config,
            EventHub hub,
            ChatStore store,
            Sandboxes sandboxes,
            SandboxFiles sandboxFiles,
            @Nullable ModelClient model,
            InstantSource clock) {
        this.config = config;
        this.hub = hub;
        this.store = store;
        this.sandboxes = sandboxes;
        this.threadSandbox = new ThreadSandbox(store, sandboxes);
        this.files = new ThreadFiles(store, threadSandbox, sandboxFiles);
        this.clock = clock;
        this.tools =
                new AnswerRun.Tools(store, sandboxes, threadSandbox, new IntentRules(), model, config.limits(), clock);
    }

    /**
     * Opens the store, and goes on with the runs that the last life of this node left behind, or ends them.
     *
     * @param service stays the caller's: close it after the chat
     */
    public static Chat start(ChatConfig config, ExecutionService service, InstantSource clock) {
        ModelClient model = config.model()
                .map(chosen -> new ModelClient(chosen, config.limits().model()))
                .orElse(null);
        ServiceSandboxes sandboxes = new ServiceSandboxes(service);
        return start(config, sandboxes, sandboxes, model, clock);
    }

    /** As above, with a model of the caller's own. */
    static Chat start(
            ChatConfig config,
            Sandboxes sandboxes,
            SandboxFiles files,
            @Nullable ModelClient model,
            InstantSource clock) {
        EventHub hub = new EventHub();
        ChatStore store = ChatStore.open(config.database(), clock, hub::publish);
        Chat chat = new Chat(config, hub, store, sandboxes, files, model, clock);
        new Leftovers(store, chat::resume).settle(config.node());
        return chat;
    }

    /** Wakes those who follow a thread. */
    public EventHub hub() {
        return hub;
    }

    /** What is stored; for reading. */
    public ChatStore store() {
        return store;
    }

    /** The files of the threads' sandboxes. */
    public ThreadFiles files() {
        return files;
    }

    /** The version of the application. */
    public String version() {
        return config.version();
    }

    /** Decides whether a message needs code to run. */
    public IntentAnalyzer analyzer() {
        return tools.analyzer();
    }

    /** The model that answers, empty when there is none. */
    public Optional<ModelClient> model() {
        return Optional.ofNullable(tools.model());
    }

    /** The newest 1,000 threads, newest first. */
    public List<ChatThread> threads() {
        return store.threads(THREADS_LISTED);
    }

    /** A new thread; a blank or missing title is made up later. */
    public ChatThread createThread(@Nullable String title) {
        String name = title == null || title.isBlank() ? ChatThread.UNTITLED : checkTitle(title);
        return store.createThread(ids.next("thread"), name);
    }

    /** A thread with its messages. */
    public ThreadSnapshot thread(String threadId) {
        return store.snapshot(threadId).orElseThrow(() -> ThreadFiles.noThread(threadId));
    }

    /** Gives a thread another title. */
    public ChatThread rename(String threadId, String title) {
        try {
            return store.rename(threadId, checkTitle(title));
        } catch (NoSuchThreadException e) {
            throw ThreadFiles.noThread(threadId);
        }
    }

    private static String checkTitle(String title) {
        String name = title.strip();
        if (name.isEmpty() || name.length() > TITLE_CHARACTERS) {
            throw new ApiException(
                    ErrorCode.INVALID_REQUEST,
                    "title must have 1 to " + TITLE_CHARACTERS + " characters, it has " + name.length());
        }
        return name;
    }

    /** State of a thread's sandbox, for clients: {@code running}, {@code ended}, or {@code unknown} when it cannot be asked. */
    public String sandboxState(ChatThread thread) {
        try {
            return thread.sandboxId() != null && sandboxes.isAlive(thread.sandboxId()) ? "running" : "ended";
        } catch (ApiException e) {
            LOG.debug("the sandbox of thread {} cannot be asked: {}", thread.id(), e.getMessage());
            return "unknown";
        }
    }

    /** Removes a thread: its run is stopped, its sandbox closed. */
    public void delete(String threadId) {
        live.values().stream()
                .filter(run -> run.threadId().equals(threadId))
                .forEach(run -> run.cancellation().cancel("The thread was deleted."));
        ChatThread thread = store.delete(threadId).orElseThrow(() -> ThreadFiles.noThread(threadId));
        if (thread.sandboxId() != null) {
            close(thread.sandboxId());
        }
    }

    /** One that cannot be closed now ends by itself when its time is over. */
    private void close(String sandboxId) {
        try {
            sandboxes.close(sandboxId);
        } catch (ApiException e) {
            LOG.warn("sandbox {} of a deleted thread could not be closed: {}", sandboxId, e.getMessage());
        }
    }

    /** What {@link #send} began. */
    public record Sent(String messageId, String runId) {}

    /**
     * Stores a message and begins to answer it.
     *
     * @param paths files of the sandbox that the message is about
     */
    public Sent send(String threadId, String text, List<String> paths, ExecuteMode mode) {
        if (closing || live.size() >= config.maxRuns()) {
            throw new ApiException(
                    ErrorCode.OVERLOADED,
                    config.maxRuns() + " messages are being answered already: try again in a moment");
        }
        List<Part> parts = new ArrayList<>();
        parts.add(new Part.Text(text));
        parts.addAll(files.parts(threadId, paths));
        Instant now = Instant.ofEpochMilli(clock.millis());
        Message message =
                new Message(ids.next("message"), threadId, Role.USER, now, MessageStatus.COMPLETE, parts, null);
        Message answer =
                new Message(ids.next("message"), threadId, Role.ASSISTANT, now, MessageStatus.RUNNING, List.of(), null);
        Question question = new Question(ids.next("run"), message, answer, mode);
        Thread worker = prepare(question, null); // who reads of the run in the thread's events can stop it at once
        boolean begun = false;
        try {
            store.startRun(question.runId(), config.node(), message, answer, Titles.of(text));
            worker.start();
            begun = true;
        } catch (NoSuchThreadException e) {
            throw ThreadFiles.noThread(threadId);
        } catch (ThreadBusyException e) {
            throw new ApiException(ErrorCode.CONFLICT, String.valueOf(e.getMessage()));
        } finally {
            if (!begun) {
                live.remove(question.runId());
            }
        }
        return new Sent(message.id(), question.runId());
    }

    /** Goes on with a run of an earlier life, if its code can still be followed. */
    private boolean resume(ActiveRun run, Message answer) {
        Optional<Begun> begun = Begun.of(answer, sandboxes);
        Optional<Message> asked = store.messages(run.threadId(), RESUMED_HISTORY).stream()
                .filter(message -> message.role() == Role.USER)
                .reduce((first, second) -> second);
        if (begun.isEmpty() || asked.isEmpty()) {
            return false;
        }
        LOG.info("run {} was cut off by the last end of the server: it goes on", run.id());
        prepare(new Question(run.id(), asked.get(), answer, ExecuteMode.AUTO), begun.get())
                .start();
        return true;
    }

    /** A run that can be stopped, and its thread, which is still to be started. */
    private Thread prepare(Question question, @Nullable Begun begun) {
        Cancellation cancellation = new Cancellation();
        AnswerRun run = new AnswerRun(tools, question, cancellation, begun);
        Thread worker = Thread.ofVirtual().name(question.runId()).unstarted(() -> {
            try {
                run.run();
            } finally {
                live.remove(question.runId());
            }
        });
        live.put(question.runId(), new LiveRun(question.message().threadId(), cancellation, worker));
        return worker;
    }

    /** Stops a run: the model and the code. One that has ended is no error. */
    public void cancel(String threadId, String runId) {
        LiveRun run = live.get(runId);
        if (run != null && run.threadId().equals(threadId)) {
            run.cancellation().cancel("Stopped.");
            return;
        }
        if (!store.hasRun(threadId, runId)) {
            throw new ApiException(ErrorCode.NOT_FOUND, "thread " + threadId + " has no run " + runId);
        }
        ActiveRun active = store.activeRun(threadId);
        if (active != null && active.id().equals(runId) && !live.containsKey(runId)) {
            throw new ApiException(
                    ErrorCode.CONFLICT, "run " + runId + " belongs to another server: ask that one to stop it");
        }
    }

    /** Stops every run and closes the store. */
    @Override
    public void close() {
        closing = true;
        live.values().forEach(run -> run.cancellation().cancel("The server was stopped. Send the message again."));
        Instant until = Instant.now().plus(CLOSE_WAIT);
        for (LiveRun run : List.copyOf(live.values())) {
            try {
                Duration left = Duration.between(Instant.now(), until);
                if (left.isPositive() && run.worker().getState() != Thread.State.NEW) {
                    boolean _ = run.worker().join(left);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        hub.closeAll();
        store.close();
    }
}
