package io.athenic.chat.llm;

import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.PartialToolCall;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.io.Serial;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Brings a turn from the client's threads to the run's thread. The client waits when the run is slow (the queue is bounded), and
 * the run waits no longer than the limits say.
 */
final class ModelTurn implements StreamingChatResponseHandler, AutoCloseable {

    private static final int QUEUE = 256;

    /** Pieces that come within this time go on as one: a model writes hundreds a second. */
    private static final long GATHER_NANOS = TimeUnit.MILLISECONDS.toNanos(25);

    private sealed interface Item {
        record Text(String text) implements Item {}

        record Sign() implements Item {}

        record Done(ChatResponse response) implements Item {}

        record Broken(Throwable error) implements Item {}

        /** Wakes a run that waits; {@link #cancelled} tells why. */
        record Stop() implements Item {}
    }

    /** The client reported an error; its cause says which. */
    static final class Failed extends RuntimeException {
        @Serial
        private static final long serialVersionUID = 1;

        Failed(Throwable cause) {
            super(cause);
        }
    }

    private final String label;
    private final ModelLimits limits;
    private final long deadline;
    private final Duration whole;
    private final BlockingQueue<Item> queue = new ArrayBlockingQueue<>(QUEUE);
    private volatile boolean closed;
    private volatile boolean cancelled;

    ModelTurn(String label, ModelLimits limits, Duration whole) {
        this.label = label;
        this.limits = limits;
        this.whole = whole;
        this.deadline = System.nanoTime() + whole.toNanos();
    }

    @Override
    public void onPartialResponse(String text) {
        put(new Item.Text(text));
    }

    @Override
    public void onPartialThinking(PartialThinking thinking) {
        put(new Item.Sign());
    }

    @Override
    public void onPartialToolCall(PartialToolCall call) {
        put(new Item.Sign());
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
        put(new Item.Done(response));
    }

    @Override
    public void onError(Throwable error) {
        put(new Item.Broken(error));
    }

    private void put(Item item) {
        try {
            while (!closed && !queue.offer(item, 100, TimeUnit.MILLISECONDS)) {
                // The run is slow: wait, unless it has gone.
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Passes text on as it comes and returns the whole answer. */
    ChatResponse await(Consumer<String> text) {
        Duration patience = limits.firstToken();
        List<Item> batch = new ArrayList<>();
        while (true) {
            batch.clear();
            gather(take(patience), batch);
            patience = limits.betweenTokens();
            StringBuilder joined = new StringBuilder();
            ChatResponse response = null;
            Throwable error = null;
            for (Item item : batch) {
                switch (item) {
                    case Item.Text piece -> joined.append(piece.text());
                    case Item.Sign _, Item.Stop _ -> {}
                    case Item.Done done -> response = done.response();
                    case Item.Broken broken -> error = broken.error();
                }
            }
            if (!joined.isEmpty()) {
                text.accept(joined.toString());
            }
            if (error != null) {
                throw new Failed(error);
            }
            if (response != null) {
                return response;
            }
        }
    }

    private void gather(Item first, List<Item> batch) {
        long until = System.nanoTime() + GATHER_NANOS;
        Item item = first;
        while (item != null) {
            batch.add(item);
            item = isLast(item) ? null : poll(until - System.nanoTime());
        }
    }

    private static boolean isLast(Item item) {
        return item instanceof Item.Done || item instanceof Item.Broken || item instanceof Item.Stop;
    }

    private @Nullable Item poll(long nanos) {
        try {
            return queue.poll(nanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TurnCancelledException();
        }
    }

    private Item take(Duration patience) {
        long left = deadline - System.nanoTime();
        Item item = poll(Math.min(left, patience.toNanos()));
        if (cancelled) {
            throw new TurnCancelledException();
        }
        if (item == null) {
            throw new ModelException(
                    left < patience.toNanos()
                            ? "The model " + label + " had not finished when the time for an answer was over ("
                                    + seconds(whole) + "). Ask for less at once, or send the message again."
                            : "The model " + label + " was silent for " + seconds(patience)
                                    + " and was given up. Send the message again.");
        }
        return item;
    }

    private static String seconds(Duration duration) {
        return duration.toSeconds() > 0 ? duration.toSeconds() + " s" : duration.toMillis() + " ms";
    }

    /** Ends the wait of the run's thread; called from another thread. */
    void cancel() {
        cancelled = true;
        // A full queue needs no waking: its reader is at work and looks at the flag next.
        boolean _ = queue.offer(new Item.Stop());
    }

    @Override
    public void close() {
        closed = true;
    }
}
