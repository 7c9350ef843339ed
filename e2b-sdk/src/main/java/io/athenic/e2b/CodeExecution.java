package io.athenic.e2b;

import io.athenic.e2b.protocol.CodeEvent;
import io.athenic.e2b.protocol.JsonException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * The events of running code, as they come. For one thread, save {@link #close()} and {@link #leave()}: closing from any thread before the
 * end aborts the stream, by which the server interrupts the code; the iteration then ends.
 */
public final class CodeExecution implements Iterator<CodeEvent>, AutoCloseable {
    /** One event at most: E2B sends a picture as one line. */
    static final int MAX_LINE = 64 << 20;

    private final SandboxLink link;
    private final InputStream body;
    private final LineReader lines;
    private final @Nullable Runnable interrupt;
    private long position;
    private long upcomingPosition;
    private @Nullable CodeEvent upcoming;
    private volatile boolean complete;
    private volatile boolean closed;

    /** @param interrupt asks for the interrupt of an execution that outlives its stream; null for any other */
    CodeExecution(SandboxLink link, InputStream body, @Nullable Runnable interrupt) {
        this.link = link;
        this.interrupt = interrupt;
        this.body = body;
        this.lines = new LineReader(body, MAX_LINE);
    }

    /**
     * Waits for the next event. Keepalives and types of later versions are left out, and so is the end.
     *
     * @throws SandboxNotFoundException the sandbox died meanwhile
     * @throws SandboxException the connection broke, or what came is not E2B's protocol
     */
    @Override
    public boolean hasNext() {
        while (upcoming == null && !complete && !closed) {
            switch (read()) {
                case null -> {
                    return false;
                }
                case CodeEvent.Ended ignored -> {
                    complete = true;
                    position = upcomingPosition;
                    close();
                }
                case CodeEvent.KeepAlive ignored -> {}
                case CodeEvent.Unknown ignored -> {}
                case CodeEvent event -> upcoming = event;
            }
        }
        return upcoming != null;
    }

    @Override
    public CodeEvent next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        CodeEvent event = upcoming;
        upcoming = null;
        position = upcomingPosition;
        if (event == null) {
            throw new NoSuchElementException();
        }
        return event;
    }

    /** True when the code ran to its end (well or not), false while it runs and after a close before the end. */
    public boolean isComplete() {
        return complete;
    }

    /** How far the stream of a durable execution has come with the last event that {@link #next} gave, or with its end; 0: not durable. */
    public long position() {
        return position;
    }

    /** Does not wait: whoever closes may be a thread that serves the very request which the interrupt of a durable execution is. */
    @Override
    public void close() {
        boolean first = !closed;
        closed = true;
        Runnable action = interrupt;
        if (first && !complete && action != null) {
            Thread ignored = Thread.ofVirtual().name("interrupt-" + link.id()).start(() -> interruptAndEnd(action));
        } else if (first || action == null) {
            end();
        }
    }

    private void interruptAndEnd(Runnable action) {
        try {
            action.run();
        } catch (SandboxException e) {
            // The stream is closed all the same; whoever must know whether the code has ended asks its context.
            return;
        } finally {
            end();
        }
    }

    /** Lets go of the stream. A durable execution goes on, to be attached again; any other is interrupted. */
    public void leave() {
        closed = true;
        end();
    }

    private void end() {
        try {
            body.close();
        } catch (IOException e) {
            // The connection is gone either way, which is all that closing is for.
            return;
        }
    }

    /** The next event of the stream; null when it was closed by us. */
    private @Nullable CodeEvent read() {
        try {
            String line = lines.next();
            if (line != null) {
                CodeEvent.Line parsed = CodeEvent.parseLine(line);
                upcomingPosition = Math.max(upcomingPosition, parsed.position());
                return parsed.event();
            }
            throw new IOException("the stream ended before the end of the execution");
        } catch (LineReader.TooLongException e) {
            close();
            throw new SandboxException("an output of the code is too large: " + e.getMessage(), e);
        } catch (JsonException e) {
            close();
            throw new SandboxException("the code interpreter sent what is no event: " + e.getMessage(), e);
        } catch (IOException e) {
            if (closed) {
                return null;
            }
            leave();
            throw link.broken("it ran code", e);
        }
    }
}
