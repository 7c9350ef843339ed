package io.athenic.chat.web;

import io.athenic.chat.Chat;
import io.athenic.chat.EventHub;
import io.athenic.chat.store.StoredEvent;
import io.athenic.chat.thread.ActiveRun;
import io.athenic.chat.thread.ChatJson;
import io.athenic.chat.thread.Message;
import io.athenic.chat.thread.ThreadEvent;
import io.athenic.chat.thread.ThreadSnapshot;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Server-sent events of one thread for one client. It reads the store at the client's own pace, so that a slow client costs no
 * memory and slows nobody; one that takes nothing for 30 s is dropped and may come back with the last number it has seen.
 */
final class EventStream {

    private static final Logger LOG = LoggerFactory.getLogger(EventStream.class);
    private static final Duration KEEP_ALIVE = Duration.ofSeconds(15);

    /** How soon an event is seen that another server of the same database wrote. */
    private static final Duration LOOK_AGAIN = Duration.ofSeconds(1);

    private static final long WRITE_SECONDS = 30;
    private static final int BATCH = 20;
    private static final int CHUNK_BYTES = 64 * 1024;

    private final Chat chat;
    private final String threadId;
    private final HttpServerResponse response;
    private final EventHub.Follower follower;
    private long seen;

    EventStream(Chat chat, String threadId, long after, HttpServerResponse response, EventHub.Follower follower) {
        this.chat = chat;
        this.threadId = threadId;
        this.seen = after;
        this.response = response;
        this.follower = follower;
    }

    /** Follows the thread until the client goes, the thread is deleted, or the server stops. */
    void run() {
        try (follower) {
            write(Buffer.buffer(": athenic\n\n"));
            long nextSign = System.nanoTime() + KEEP_ALIVE.toNanos();
            while (!follower.isClosed()) {
                Optional<Long> last = chat.store().lastEvent(threadId);
                if (last.isEmpty()) {
                    break;
                }
                if (last.get() != seen) {
                    catchUp(last.get());
                } else {
                    follower.await(LOOK_AGAIN);
                }
                if (System.nanoTime() - nextSign >= 0) {
                    write(Buffer.buffer(": keep-alive\n\n"));
                    nextSign = System.nanoTime() + KEEP_ALIVE.toNanos();
                }
            }
            response.end();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            response.reset();
        } catch (TimeoutException e) {
            LOG.info("a client that follows thread {} took nothing for {} s: dropped", threadId, WRITE_SECONDS);
            response.reset();
        } catch (ExecutionException e) {
            LOG.debug("a client of thread {} went away", threadId);
        } catch (RuntimeException e) {
            LOG.error("the events of thread {} cannot be sent", threadId, e);
            response.reset();
        }
    }

    private void catchUp(long last) throws InterruptedException, ExecutionException, TimeoutException {
        List<StoredEvent> events = seen > last ? List.of() : chat.store().eventsAfter(threadId, seen, BATCH);
        if (events.isEmpty() || events.getFirst().number() != seen + 1) {
            sendWhole();
            return;
        }
        Buffer buffer = Buffer.buffer();
        for (StoredEvent event : events) {
            append(buffer, event.number(), event.json());
            if (buffer.length() >= CHUNK_BYTES) {
                write(buffer);
                buffer = Buffer.buffer();
            }
        }
        write(buffer);
        seen = events.getLast().number();
    }

    /** The events that the client needs are no longer kept: it gets everything as it is now. */
    private void sendWhole() throws InterruptedException, ExecutionException, TimeoutException {
        Optional<ThreadSnapshot> found = chat.store().snapshot(threadId);
        if (found.isEmpty()) {
            return;
        }
        ThreadSnapshot snapshot = found.get();
        List<ThreadEvent> events = new ArrayList<>();
        events.add(new ThreadEvent.ThreadChanged(snapshot.thread()));
        for (Message message : snapshot.messages()) {
            events.add(new ThreadEvent.MessageChanged(message));
        }
        ActiveRun run = snapshot.activeRun();
        if (run != null) {
            events.add(new ThreadEvent.RunChanged(run.id(), run.messageId(), run.status(), null));
        }
        events.add(new ThreadEvent.FilesChanged());
        for (int index = 0; index < events.size(); index++) {
            Buffer buffer = Buffer.buffer();
            // Only the last one has a number: a client that is cut off before it begins anew.
            boolean isLast = index == events.size() - 1;
            String json = ChatJson.text(ChatJson.event(threadId, Instant.now(), events.get(index)));
            append(buffer, isLast ? snapshot.lastEvent() : -1, json);
            write(buffer);
        }
        seen = snapshot.lastEvent();
    }

    private static void append(Buffer buffer, long number, String json) {
        if (number >= 0) {
            buffer.appendString("id: ").appendString(Long.toString(number)).appendString("\n");
        }
        buffer.appendString("data: ").appendString(json).appendString("\n\n");
    }

    private void write(Buffer buffer) throws InterruptedException, ExecutionException, TimeoutException {
        if (buffer.length() > 0) {
            response.write(buffer).toCompletionStage().toCompletableFuture().get(WRITE_SECONDS, TimeUnit.SECONDS);
        }
    }
}
