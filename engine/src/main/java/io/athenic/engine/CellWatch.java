package io.athenic.engine;

import java.time.Duration;
import java.util.List;

/** Looks at the events of one execution on their way to the caller: ends the output at its bound, and tells what was killed for memory. */
final class CellWatch {
    /** A shorter cell has not filled a sandbox's memory, and shall not wait. */
    private static final Duration SHORT = Duration.ofMillis(50);

    private final Room room;
    private final long killsBefore;
    private final long began = System.nanoTime();
    private long printed;
    private boolean full;
    private boolean memoryTold;
    private String outcome = "completed";

    CellWatch(Room room, long killsBefore) {
        this.room = room;
        this.killsBefore = killsBefore;
    }

    /** What the caller gets for an event of the kernel: it, another one, some more, or nothing. */
    List<KernelEvent> see(KernelEvent event) {
        return switch (event) {
            case KernelEvent.Stdout(String text) -> text(event, text);
            case KernelEvent.Stderr(String text) -> text(event, text);
            case KernelEvent.Failed failed -> full ? List.of() : List.of(failed(failed));
            case KernelEvent.Finished finished -> {
                room.metrics().executionEnded(outcome, printed);
                yield end(finished);
            }
            default -> List.of(event);
        };
    }

    /** Whether the bound of output was reached: the error has been told, and the code is to be ended. */
    boolean full() {
        return full;
    }

    private List<KernelEvent> text(KernelEvent event, String text) {
        if (full) {
            return List.of();
        }
        printed += text.length();
        if (printed <= room.outputBytes()) {
            return List.of(event);
        }
        full = true;
        outcome = "output_limit";
        return List.of(
                event,
                new KernelEvent.Failed(
                        "OutputLimitExceeded",
                        "the execution has printed more than " + (room.outputBytes() >> 20)
                                + " MiB, the most that one may, and was ended: write such amounts to a file",
                        ""));
    }

    private KernelEvent.Failed failed(KernelEvent.Failed failed) {
        outcome = switch (failed.name()) {
            case "KeyboardInterrupt", "ExecutionAborted", "ContextRestarting" -> "stopped";
            case "UnexpectedEndOfExecution", "KernelDied" -> "died";
            default -> "failed";
        };
        memoryTold |= failed.value().contains(Room.OUT_OF_MEMORY);
        KernelEvent.Failed told = withReason(failed);
        outcome = memoryTold ? "out_of_memory" : outcome;
        return told;
    }

    /** A language's driver lives on when its interpreter is killed, and knows the signal only. */
    private KernelEvent.Failed withReason(KernelEvent.Failed failed) {
        boolean killed = failed.name().equals("KernelDied")
                || (failed.name().equals("ExitCode") && failed.value().equals("137"));
        if (!killed || !room.outOfMemorySince(killsBefore)) {
            return failed;
        }
        memoryTold = true;
        return new KernelEvent.Failed(
                failed.name(), failed.value(), failed.traceback() + " (" + room.outOfMemoryText() + ")");
    }

    /** A process that the code has started was killed, and the code may not have noticed. */
    private List<KernelEvent> end(KernelEvent.Finished finished) {
        if (memoryTold || full || !killed()) {
            return List.of(finished);
        }
        return List.of(new KernelEvent.Stderr("[a process was killed: " + room.outOfMemoryText() + "]\n"), finished);
    }

    /** The news of a kill and the end of its cell come by different ways. */
    private boolean killed() {
        return System.nanoTime() - began > SHORT.toNanos()
                ? room.outOfMemorySince(killsBefore)
                : room.oomKills() > killsBefore;
    }
}
