package io.athenic.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;

/**
 * A file being written. {@link #finish} completes it; closed before that, what came stays in the file.
 * A write that the sandbox refuses (no space) throws an {@link EngineException} with its reason.
 */
public final class FileUpload implements AutoCloseable {
    private static final Duration MAX_PAUSE = Duration.ofSeconds(60);

    private final GuestConnection connection;
    private final OutputStream stream = new Frames();

    FileUpload(GuestConnection connection) {
        this.connection = connection;
    }

    /** Takes the bytes; write blocks of some KiB, each becomes a frame. */
    public OutputStream stream() {
        return stream;
    }

    /** Completes the file and returns its entry. */
    public Entry finish() {
        try (this;
                GuestConnection.Deadline _ = connection.deadline(MAX_PAUSE)) {
            ObjectNode eof = Json.object().put("eof", true);
            try {
                connection.send(eof);
            } catch (IOException e) {
                throw refusal(e);
            }
            return Answers.entry(connection.answer(MAX_PAUSE));
        }
    }

    @Override
    public void close() {
        connection.close();
    }

    /** The agent answers an error and closes while we still send: the answer is the reason, not the broken pipe. */
    private EngineException refusal(IOException broken) {
        try {
            connection.answer(Duration.ofSeconds(5));
            return connection.gone(broken);
        } catch (EngineException e) {
            e.addSuppressed(broken);
            return e;
        }
    }

    private final class Frames extends OutputStream {
        @Override
        public void write(int value) {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) {
            try (GuestConnection.Deadline _ = connection.deadline(MAX_PAUSE)) {
                for (int at = 0; at < length; at += Frame.MAX_PAYLOAD) {
                    connection.send(Frame.INPUT, bytes, offset + at, Math.min(Frame.MAX_PAYLOAD, length - at));
                }
            } catch (IOException e) {
                throw refusal(e);
            }
        }
    }
}
