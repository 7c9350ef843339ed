package io.athenic.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One execution. Its connection has two halves: ending ours interrupts the code, theirs goes on until the code has ended. So a closed
 * stream still knows when its code has obeyed, and code that has not within two seconds of being asked is reported to {@code stuck}.
 * Code that still waits behind another is not running and cannot disobey: the time counts from when nothing is before it.
 *
 * <p>The frames of a durable execution are counted, and an interrupt of it is a word: a connection that ends leaves it running.
 */
final class KernelStream implements CodeStream {
    private static final Duration OBEY = Duration.ofSeconds(2);

    /** The time is counted in so many pieces: a machine that stands still takes one of them away, whatever the clock says. */
    private static final int PIECES = 8;

    /** For all parts of one message. */
    private static final Duration JOIN = Duration.ofSeconds(60);

    private static final Logger LOG = LoggerFactory.getLogger(KernelStream.class);

    private static final KernelEvent.Failed NEVER_BEGAN =
            new KernelEvent.Failed("ExecutionAborted", "the execution was interrupted before it began", "");

    private final GuestConnection connection;
    private final Timers timers;
    private final CellWatch watch;
    private final Supplier<KernelEvent.Failed> death;
    private final Runnable stuck;
    private final Consumer<KernelStream> onEnd;
    private final boolean durable;
    private final EventQueue<Positioned> queue = new EventQueue<>(FrameStream.MAX_WAITING_BYTES);
    private final GuestMemory.Share memory;
    private final KernelMessages messages;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile boolean delivered;
    private volatile boolean left;
    private volatile long position;

    /** Of the reading thread alone. */
    private long received;

    /** Of the reading thread alone: the time for the parts of a message. */
    private @Nullable ScheduledFuture<?> joining;

    /** Of the caller alone: what the event that it has now holds of the memory for large messages. */
    private int inHand;

    private record Positioned(KernelEvent event, long position, int kib) {}

    /**
     * How an execution goes on without its connection.
     *
     * @param durable whether it does
     * @param after the number of its last frame that is known; 0: none
     */
    record Durability(boolean durable, long after) {
        static final Durability NONE = new Durability(false, 0);
    }

    /** Nothing is before it in the kernel's queue, as far as we know. */
    @GuardedBy("lock")
    private boolean first;

    @GuardedBy("lock")
    private boolean accepted;

    @GuardedBy("lock")
    private boolean interrupted;

    @GuardedBy("lock")
    private boolean ended;

    /**
     * @param death says why the kernel is gone; may wait for the news
     * @param stuck ends the kernel; must not block
     * @param onEnd told when the kernel has nothing more to do with this execution
     */
    KernelStream(
            GuestConnection connection,
            Timers timers,
            Durability durability,
            GuestMemory.Share memory,
            CellWatch watch,
            Supplier<KernelEvent.Failed> death,
            Runnable stuck,
            Consumer<KernelStream> onEnd) {
        this.connection = connection;
        this.timers = timers;
        this.durable = durability.durable();
        this.received = durability.after();
        this.position = durability.after();
        this.memory = memory;
        this.messages = new KernelMessages(memory);
        this.watch = watch;
        this.death = death;
        this.stuck = stuck;
        this.onEnd = onEnd;
    }

    void begin(String name) {
        Thread.ofVirtual().name(name).start(this::readAll);
    }

    private void readAll() {
        try (connection) {
            if (!readEvents() && !left) {
                for (KernelEvent rest : messages.rest()) {
                    put(rest, 1);
                }
                fail(neverBegan() ? NEVER_BEGAN : death.get());
            }
        } catch (InterruptedException e) {
            queue.fail(new EngineException(ErrorCode.UNAVAILABLE, "the stream was interrupted", e));
        } catch (RuntimeException e) {
            LOG.error("The stream of an execution broke", e);
            queue.fail(new EngineException(
                    ErrorCode.INTERNAL, "the stream broke", e)); // its caller must not wait for ever
        } finally {
            watchJoining(false);
            end();
            onEnd.accept(this);
        }
    }

    private void fail(KernelEvent.Failed cause) throws InterruptedException {
        KernelEvent.Failed failed = messages.failure(cause).orElse(null);
        if (failed != null) {
            for (KernelEvent seen : watch.see(failed)) {
                put(seen, failed.traceback().length());
            }
        }
        for (KernelEvent seen : watch.see(new KernelEvent.Finished())) {
            put(seen, 0);
        }
    }

    private void put(KernelEvent event, long weight) throws InterruptedException {
        queue.put(new Positioned(event, received, 0), weight);
    }

    /** Delivers what comes; false when the connection ended before the execution. */
    private boolean readEvents() throws InterruptedException {
        try {
            Frame frame = connection.read();
            while (frame != null) {
                if (deliver(frame)) {
                    return true;
                }
                frame = connection.read();
            }
            return false;
        } catch (IOException _) {
            return false; // a broken protocol and a dead kernel look alike to the caller
        } catch (EngineException e) {
            fail(new KernelEvent.Failed("ExecutionAborted", String.valueOf(e.getMessage()), "")); // refused
            return true;
        }
    }

    /** True for the last frame of the execution. */
    private boolean deliver(Frame frame) throws IOException, InterruptedException {
        boolean last = false;
        received++;
        List<KernelEvent> events = messages.take(frame);
        watchJoining(messages.joining());
        int kib = messages.takenKib();
        for (KernelEvent event : events) {
            if (event instanceof KernelEvent.Accepted) {
                accept();
            }
            if (event instanceof KernelEvent.Finished) {
                end(); // before the caller may see it: what it closes then needs no interrupt
                last = true;
            }
            for (KernelEvent seen : watch.see(event)) {
                queue.put(new Positioned(seen, received, kib), messages.weight());
                kib = 0;
            }
        }
        memory.giveBack(kib); // nothing became of it
        if (watch.full()) {
            interrupt();
        }
        return last;
    }

    /** A message that is begun and not finished would keep its memory from all others. */
    private void watchJoining(boolean now) {
        ScheduledFuture<?> running = joining;
        if (now && running == null) {
            joining = timers.after(JOIN, connection::close);
        } else if (!now && running != null) {
            running.cancel(false);
            joining = null;
        }
    }

    /** Interrupted while it waited behind another: the kernel drops it without a word. */
    private boolean neverBegan() {
        lock.lock();
        try {
            return interrupted && !accepted;
        } finally {
            lock.unlock();
        }
    }

    private void accept() {
        lock.lock();
        try {
            accepted = true;
        } finally {
            lock.unlock();
        }
        promote();
    }

    /** Nothing is before it any more. A kernel that computes with its lock held cannot even say that it has accepted. */
    void promote() {
        boolean watch;
        lock.lock();
        try {
            watch = interrupted && !first;
            first = true;
        } finally {
            lock.unlock();
        }
        if (watch) {
            watch(PIECES);
        }
    }

    private void end() {
        lock.lock();
        try {
            ended = true;
        } finally {
            lock.unlock();
        }
    }

    private boolean hasEnded() {
        lock.lock();
        try {
            return ended;
        } finally {
            lock.unlock();
        }
    }

    /** The time does not count while the caller does not read: then we, not the code, hold back what it says at its end. */
    private void watch(int pieces) {
        var _ = timers.after(OBEY.dividedBy(PIECES), () -> {
            if (hasEnded()) {
                return;
            }
            int left = queue.writerWaits() ? pieces : pieces - 1;
            if (left > 0) {
                watch(left);
            } else {
                stuck.run();
            }
        });
    }

    @Override
    public void interrupt() {
        boolean watch;
        lock.lock();
        try {
            if (ended || interrupted) {
                return;
            }
            interrupted = true;
            watch = first;
        } finally {
            lock.unlock();
        }
        if (durable) {
            insist(List.of(Duration.ofSeconds(1), Duration.ofMillis(600)));
        } else {
            connection.endOutput();
        }
        if (watch) {
            watch(PIECES);
        }
    }

    @Override
    public @Nullable KernelEvent next(Duration maxWait) throws InterruptedException {
        if (delivered) {
            throw new IllegalStateException("the execution has ended");
        }
        memory.giveBack(inHand); // the caller asks for the next: it is done with the last
        inHand = 0;
        Positioned next = queue.next(maxWait);
        if (next == null) {
            return null;
        }
        inHand = next.kib();
        position = next.position();
        if (next.event() instanceof KernelEvent.Finished) {
            delivered = true;
        }
        return next.event();
    }

    @Override
    public long position() {
        return durable ? position : 0;
    }

    @Override
    public void acknowledge(long upTo) {
        if (durable) {
            say(Json.object().put("op", "ack").put("frames", upTo));
        }
    }

    /**
     * Asks for the interrupt, and again after the pauses: a call in C may keep the kernel from reading it, and a destructor swallow it.
     */
    private void insist(List<Duration> pauses) {
        say(Json.object().put("op", "interrupt"));
        if (!pauses.isEmpty()) {
            var _ = timers.after(pauses.getFirst(), () -> {
                if (!hasEnded()) {
                    insist(pauses.subList(1, pauses.size()));
                }
            });
        }
    }

    /** A kernel that is gone needs to know nothing. */
    private void say(ObjectNode message) {
        try {
            connection.send(message);
        } catch (IOException _) {
            connection.close();
        }
    }

    @Override
    public void leave() {
        if (durable) {
            left = true;
            connection.close();
            queue.close();
            memory.close();
        } else {
            close();
        }
    }

    @Override
    public void close() {
        interrupt();
        queue.close();
        memory.close();
    }
}
