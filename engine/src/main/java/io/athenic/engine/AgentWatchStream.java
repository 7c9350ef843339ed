package io.athenic.engine;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** {@code fs.watch} of docs/PROTOCOL.md, section 3. */
final class AgentWatchStream extends FrameStream<WatchEvent> implements WatchStream {
    AgentWatchStream(GuestConnection connection) {
        super(connection);
    }

    @Override
    @Nullable
    WatchEvent event(Frame frame) throws IOException {
        return Answers.watchEvent(GuestConnection.message(frame).path("event")).orElse(null);
    }

    @Override
    boolean last(WatchEvent event) {
        return false;
    }
}
