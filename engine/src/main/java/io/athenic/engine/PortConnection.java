package io.athenic.engine;

import io.athenic.engine.egress.Wire;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A TCP connection to a port in a sandbox, or of a program in it to its proxy, as a blocking channel of raw bytes. */
public final class PortConnection implements Wire {
    private final GuestConnection connection;
    private final ByteBuffer early;

    PortConnection(GuestConnection connection, ByteBuffer early) {
        this.connection = connection;
        this.early = early;
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        if (!early.hasRemaining()) {
            return connection.channel().read(target);
        }
        int count = Math.min(early.remaining(), target.remaining());
        target.put(early.slice(early.position(), count));
        early.position(early.position() + count);
        return count;
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
        return connection.channel().write(source);
    }

    /** Tells the program in the sandbox that nothing more will come; its answer can still be read. */
    @Override
    public void endOutput() {
        connection.endOutput();
    }

    @Override
    public boolean isOpen() {
        return connection.channel().isOpen();
    }

    @Override
    public void close() {
        connection.close();
    }
}
