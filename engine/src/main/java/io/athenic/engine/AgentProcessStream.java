package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The process stream of docs/PROTOCOL.md, section 3. */
final class AgentProcessStream extends FrameStream<ProcessEvent> implements ProcessStream {
    private final int pid;
    private final Room room;
    private final long killsBefore;

    /** @param killsBefore how many processes had been killed for memory before this one could be */
    AgentProcessStream(GuestConnection connection, int pid, Room room, long killsBefore) {
        super(connection);
        this.pid = pid;
        this.room = room;
        this.killsBefore = killsBefore;
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
                        ? withReason(new ProcessEvent.Ended(
                                Json.integer(end, "exitCode"),
                                end.path("exited").asBoolean(),
                                Json.text(end, "status"),
                                Json.optionalText(end, "error").orElse(null)))
                        : null;
            }
        };
    }

    /** What was killed, or whose child was (137 in a shell), may have been killed for memory: the status alone does not say. */
    private ProcessEvent.Ended withReason(ProcessEvent.Ended ended) {
        boolean killed =
                ended.exited() ? ended.exitCode() == 137 : ended.status().equals("signal: killed");
        if (!killed || !room.outOfMemorySince(killsBefore)) {
            return ended;
        }
        return new ProcessEvent.Ended(
                ended.exitCode(), ended.exited(), ended.status(), ended.status() + " (" + room.outOfMemoryText() + ")");
    }

    @Override
    boolean last(ProcessEvent event) {
        return event instanceof ProcessEvent.Ended;
    }
}
