package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The process stream of docs/PROTOCOL.md, section 3. */
final class AgentProcessStream extends FrameStream<ProcessEvent> implements ProcessStream {
    private final int pid;

    AgentProcessStream(GuestConnection connection, int pid) {
        super(connection);
        this.pid = pid;
    }

    @Override
    public int pid() {
        return pid;
    }

    @Override
    @Nullable
    ProcessEvent event(Frame frame) throws IOException {
        return switch (frame.type()) {
            case Frame.STDOUT -> new ProcessEvent.Stdout(frame.payload());
            case Frame.STDERR -> new ProcessEvent.Stderr(frame.payload());
            case Frame.DATA -> new ProcessEvent.Pty(frame.payload());
            default -> {
                JsonNode end = GuestConnection.message(frame).path("end");
                yield end.isObject()
                        ? new ProcessEvent.Ended(
                                Json.integer(end, "exitCode"),
                                end.path("exited").asBoolean(),
                                Json.text(end, "status"),
                                Json.optionalText(end, "error").orElse(null))
                        : null;
            }
        };
    }

    @Override
    boolean last(ProcessEvent event) {
        return event instanceof ProcessEvent.Ended;
    }
}
