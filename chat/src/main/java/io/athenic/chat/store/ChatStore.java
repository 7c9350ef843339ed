package io.athenic.chat.store;

import io.athenic.chat.thread.ActiveRun;
import io.athenic.chat.thread.ChatJson;
import io.athenic.chat.thread.ChatThread;
import io.athenic.chat.thread.Message;
import io.athenic.chat.thread.RunStatus;
import io.athenic.chat.thread.ThreadEvent;
import io.athenic.chat.thread.ThreadSnapshot;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.PreparedBatch;
import org.jspecify.annotations.Nullable;

/**
 * Threads, messages, runs and events. A change and the events that tell of it are one transaction, so that a
 * {@link #snapshot} and the events after it always fit together. After the commit {@code changed} is told the thread's id.
 *
 * <p>Every method blocks, and throws {@link org.jdbi.v3.core.JdbiException} when the database fails.
 */
public final class ChatStore implements AutoCloseable {

    /** Events that are kept of each thread; a client that is further behind gets the messages as a whole. */
    public static final int EVENTS_KEPT = 2_000;

    private static final int MESSAGES_READ = 1_000;

    private final Database database;
    private final Jdbi jdbi;
    private final InstantSource clock;
    private final Consumer<String> changed;

    private ChatStore(Database database, InstantSource clock, Consumer<String> changed) {
        this.database = database;
        this.jdbi = database.jdbi();
        this.clock = clock;
        this.changed = changed;
    }

    /** Opens the database and brings its schema up to date. */
    public static ChatStore open(DatabaseConfig config, InstantSource clock, Consumer<String> changed) {
        return new ChatStore(Database.open(config), clock, changed);
    }

    /** The threads, newest first. */
    public List<ChatThread> threads(int limit) {
        return jdbi.withHandle(
                handle -> handle.createQuery("SELECT * FROM threads ORDER BY updated_at DESC, id LIMIT :limit")
                        .bind("limit", limit)
                        .map(Rows::thread)
                        .list());
    }

    /** Adds an empty thread. */
    public ChatThread createThread(String id, String title) {
        Instant now = now();
        jdbi.useHandle(handle -> handle.createUpdate("INSERT INTO threads"
                        + " (id, title, created_at, updated_at, sandbox_id, last_event, last_message)"
                        + " VALUES (:id, :title, :now, :now, NULL, 0, 0)")
                .bind("id", id)
                .bind("title", title)
                .bind("now", now.toEpochMilli())
                .execute());
        return new ChatThread(id, title, now, now, null);
    }

    /** The thread, empty when there is none. */
    public Optional<ChatThread> thread(String id) {
        return jdbi.withHandle(handle -> findThread(handle, id));
    }

    /** The thread with its last 1,000 messages, as they are after its newest event. */
    public Optional<ThreadSnapshot> snapshot(String id) {
        return jdbi.inTransaction(handle -> {
            Optional<ChatThread> thread = findThread(handle, id);
            if (thread.isEmpty()) {
                return Optional.empty();
            }
            return Optional.of(new ThreadSnapshot(
                    thread.get(),
                    readMessages(handle, id, MESSAGES_READ),
                    lastEvent(handle, id),
                    findActiveRun(handle, id)));
        });
    }

    /** The last {@code limit} messages, oldest first. */
    public List<Message> messages(String threadId, int limit) {
        return jdbi.withHandle(handle -> readMessages(handle, threadId, limit));
    }

    /**
     * Gives the thread another title.
     *
     * @throws NoSuchThreadException without the thread
     */
    public ChatThread rename(String id, String title) {
        ChatThread thread = jdbi.inTransaction(handle -> {
            handle.createUpdate("UPDATE threads SET title = :title WHERE id = :id")
                    .bind("title", title)
                    .bind("id", id)
                    .execute();
            return announceThread(handle, id);
        });
        changed.accept(id);
        return thread;
    }

    /**
     * Remembers the thread's sandbox, if it still is {@code before}: of two that make one at the same time, one wins.
     *
     * @return false when another was faster, or the thread is gone
     */
    public boolean replaceSandbox(String id, @Nullable String before, String sandboxId) {
        boolean replaced = jdbi.inTransaction(handle -> {
            int rows = handle.createUpdate("UPDATE threads SET sandbox_id = :new WHERE id = :id"
                            + " AND (sandbox_id = :old OR (sandbox_id IS NULL AND CAST(:old AS VARCHAR) IS NULL))")
                    .bind("new", sandboxId)
                    .bind("old", before)
                    .bind("id", id)
                    .execute();
            if (rows > 0) {
                announceThread(handle, id);
            }
            return rows > 0;
        });
        if (replaced) {
            changed.accept(id);
        }
        return replaced;
    }

    private ChatThread announceThread(Handle handle, String id) {
        long number = reserve(handle, id, 1);
        ChatThread thread = findThread(handle, id).orElseThrow(() -> new NoSuchThreadException(id));
        insert(handle, id, number, List.of(new ThreadEvent.ThreadChanged(thread)));
        return thread;
    }

    /** Removes the thread and all that belongs to it: the thread as it was at its end; empty when there is none. */
    public Optional<ChatThread> delete(String id) {
        Optional<ChatThread> deleted = jdbi.inTransaction(handle -> {
            handle.createUpdate(
                            "UPDATE threads SET last_event = last_event WHERE id = :id") // its sandbox stays what it is
                    .bind("id", id)
                    .execute();
            Optional<ChatThread> thread = findThread(handle, id);
            for (String table : List.of("thread_events", "runs", "messages")) {
                handle.createUpdate("DELETE FROM " + table + " WHERE thread_id = :id")
                        .bind("id", id)
                        .execute();
            }
            handle.createUpdate("DELETE FROM threads WHERE id = :id")
                    .bind("id", id)
                    .execute();
            return thread;
        });
        changed.accept(id);
        return deleted;
    }

    /**
     * Stores a question, the empty answer and the run that writes it, with their events. A thread without a title of its
     * own takes {@code title}.
     *
     * @throws NoSuchThreadException without the thread
     * @throws ThreadBusyException while another run of the thread has not ended
     */
    public void startRun(String runId, String node, Message question, Message answer, String title) {
        String threadId = question.threadId();
        jdbi.useTransaction(handle -> {
            long number = reserve(handle, threadId, 4); // from here on no run of this thread can begin or end
            if (findActiveRun(handle, threadId) != null) {
                throw new ThreadBusyException(threadId);
            }
            handle.createUpdate("INSERT INTO runs (id, thread_id, message_id, node, status, created_at, ended_at)"
                            + " VALUES (:id, :thread, :message, :node, :status, :now, NULL)")
                    .bind("id", runId)
                    .bind("thread", threadId)
                    .bind("message", answer.id())
                    .bind("node", node)
                    .bind("status", RunStatus.DECIDING.wire())
                    .bind("now", now().toEpochMilli())
                    .execute();
            handle.createUpdate("UPDATE threads SET title = :title WHERE id = :id AND title = :untitled")
                    .bind("title", title)
                    .bind("id", threadId)
                    .bind("untitled", ChatThread.UNTITLED)
                    .execute();
            insertMessage(handle, question);
            insertMessage(handle, answer);
            ChatThread thread = findThread(handle, threadId).orElseThrow(() -> new NoSuchThreadException(threadId));
            insert(
                    handle,
                    threadId,
                    number,
                    List.of(
                            new ThreadEvent.ThreadChanged(thread),
                            new ThreadEvent.MessageChanged(question),
                            new ThreadEvent.MessageChanged(answer),
                            new ThreadEvent.RunChanged(runId, answer.id(), RunStatus.DECIDING, null)));
        });
        changed.accept(threadId);
    }

    /**
     * Replaces a message in the store and appends events.
     *
     * @throws NoSuchThreadException when the thread was deleted meanwhile
     */
    public void update(Message message, List<ThreadEvent> events) {
        jdbi.useTransaction(handle -> {
            long number = reserve(handle, message.threadId(), events.size());
            updateMessage(handle, message);
            insert(handle, message.threadId(), number, events);
        });
        changed.accept(message.threadId());
    }

    /** As {@link #update}, and moves the run on; an ended run stays ended. */
    public void update(Message message, String runId, RunStatus status, List<ThreadEvent> events) {
        jdbi.useTransaction(handle -> {
            long number = reserve(handle, message.threadId(), events.size());
            updateMessage(handle, message);
            handle.createUpdate(
                            "UPDATE runs SET status = :status, ended_at = :ended WHERE id = :id AND ended_at IS NULL")
                    .bind("status", status.wire())
                    .bind("ended", status.ended() ? (Long) now().toEpochMilli() : null)
                    .bind("id", runId)
                    .execute();
            insert(handle, message.threadId(), number, events);
        });
        changed.accept(message.threadId());
    }

    /** Appends events that change no message. */
    public void append(String threadId, List<ThreadEvent> events) {
        jdbi.useTransaction(handle -> insert(handle, threadId, reserve(handle, threadId, events.size()), events));
        changed.accept(threadId);
    }

    /** The events after {@code after}, in order, at most {@code limit}. */
    public List<StoredEvent> eventsAfter(String threadId, long after, int limit) {
        return jdbi.withHandle(handle -> handle.createQuery("SELECT number, body FROM thread_events"
                        + " WHERE thread_id = :thread AND number > :after ORDER BY number LIMIT :limit")
                .bind("thread", threadId)
                .bind("after", after)
                .bind("limit", limit)
                .map((row, _) -> new StoredEvent(row.getLong("number"), row.getString("body")))
                .list());
    }

    /** Number of the newest event; empty when the thread does not exist. */
    public Optional<Long> lastEvent(String threadId) {
        return jdbi.withHandle(handle -> handle.createQuery("SELECT last_event FROM threads WHERE id = :id")
                .bind("id", threadId)
                .mapTo(Long.class)
                .findOne());
    }

    /** The run that has not ended, null when there is none. */
    public @Nullable ActiveRun activeRun(String threadId) {
        return jdbi.withHandle(handle -> findActiveRun(handle, threadId));
    }

    /** True when the thread has had this run. */
    public boolean hasRun(String threadId, String runId) {
        return jdbi.withHandle(
                handle -> handle.createQuery("SELECT count(*) FROM runs WHERE id = :id AND thread_id = :thread")
                                .bind("id", runId)
                                .bind("thread", threadId)
                                .mapTo(Integer.class)
                                .one()
                        > 0);
    }

    /** Runs of {@code node} that have not ended: after a restart, those that its end cut off. */
    public List<ActiveRun> unfinishedRuns(String node) {
        return jdbi.withHandle(
                handle -> handle.createQuery("SELECT * FROM runs WHERE ended_at IS NULL AND node = :node")
                        .bind("node", node)
                        .map(Rows::run)
                        .list());
    }

    /** One message, empty when there is none. */
    public Optional<Message> message(String id) {
        return jdbi.withHandle(handle -> handle.createQuery("SELECT * FROM messages WHERE id = :id")
                .bind("id", id)
                .map(Rows::message)
                .findOne());
    }

    private static Optional<ChatThread> findThread(Handle handle, String id) {
        return handle.createQuery("SELECT * FROM threads WHERE id = :id")
                .bind("id", id)
                .map(Rows::thread)
                .findOne();
    }

    private static @Nullable ActiveRun findActiveRun(Handle handle, String threadId) {
        return handle.createQuery("SELECT * FROM runs WHERE thread_id = :thread AND ended_at IS NULL")
                .bind("thread", threadId)
                .map(Rows::run)
                .findOne()
                .orElse(null);
    }

    private static List<Message> readMessages(Handle handle, String threadId, int limit) {
        List<Message> newestFirst = handle.createQuery(
                        "SELECT * FROM messages WHERE thread_id = :thread ORDER BY position DESC LIMIT :limit")
                .bind("thread", threadId)
                .bind("limit", limit)
                .map(Rows::message)
                .list();
        return new ArrayList<>(newestFirst).reversed();
    }

    private static long lastEvent(Handle handle, String threadId) {
        return handle.createQuery("SELECT last_event FROM threads WHERE id = :id")
                .bind("id", threadId)
                .mapTo(Long.class)
                .one();
    }

    /** Takes the next {@code count} event numbers and answers the first. The row's lock orders all writers of a thread. */
    private long reserve(Handle handle, String threadId, int count) {
        int rows = handle.createUpdate(
                        "UPDATE threads SET last_event = last_event + :count, updated_at = :now WHERE id = :id")
                .bind("count", count)
                .bind("now", now().toEpochMilli())
                .bind("id", threadId)
                .execute();
        if (rows == 0) {
            throw new NoSuchThreadException(threadId);
        }
        return lastEvent(handle, threadId) - count + 1;
    }

    private void insert(Handle handle, String threadId, long first, List<ThreadEvent> events) {
        if (events.isEmpty()) {
            return;
        }
        Instant now = now();
        PreparedBatch batch = handle.prepareBatch(
                "INSERT INTO thread_events (thread_id, number, body) VALUES (:thread, :number, :body)");
        long number = first;
        for (ThreadEvent event : events) {
            batch.bind("thread", threadId)
                    .bind("number", number++)
                    .bind("body", ChatJson.text(ChatJson.event(threadId, now, event)))
                    .add();
        }
        batch.execute();
        handle.createUpdate("DELETE FROM thread_events WHERE thread_id = :thread AND number < :oldest")
                .bind("thread", threadId)
                .bind("oldest", number - EVENTS_KEPT)
                .execute();
    }

    private static void insertMessage(Handle handle, Message message) {
        handle.createUpdate("UPDATE threads SET last_message = last_message + 1 WHERE id = :id")
                .bind("id", message.threadId())
                .execute();
        handle.createUpdate("INSERT INTO messages (id, thread_id, position, role, status, created_at, parts, data)"
                        + " SELECT :id, id, last_message, :role, :status, :created, :parts, :data"
                        + " FROM threads WHERE id = :thread")
                .bind("id", message.id())
                .bind("thread", message.threadId())
                .bind("role", message.role().wire())
                .bind("status", message.status().wire())
                .bind("created", message.createdAt().toEpochMilli())
                .bind("parts", ChatJson.text(ChatJson.parts(message.parts())))
                .bind("data", dataText(message))
                .execute();
    }

    private static void updateMessage(Handle handle, Message message) {
        handle.createUpdate("UPDATE messages SET status = :status, parts = :parts, data = :data WHERE id = :id")
                .bind("status", message.status().wire())
                .bind("parts", ChatJson.text(ChatJson.parts(message.parts())))
                .bind("data", dataText(message))
                .bind("id", message.id())
                .execute();
    }

    private static @Nullable String dataText(Message message) {
        return message.data() == null ? null : ChatJson.text(ChatJson.data(message.data()));
    }

    private Instant now() {
        return Instant.ofEpochMilli(clock.instant().toEpochMilli());
    }

    @Override
    public void close() {
        database.close();
    }
}
