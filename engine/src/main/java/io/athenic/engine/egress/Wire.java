package io.athenic.engine.egress;

import java.nio.channels.ByteChannel;

/** A blocking stream of bytes whose two directions end one by one. */
public interface Wire extends ByteChannel {
    /** Tells the other side that nothing more will come; what it still sends can be read. */
    void endOutput();

    /** Never throws: what is closed is of no interest any more. */
    @Override
    void close();
}
