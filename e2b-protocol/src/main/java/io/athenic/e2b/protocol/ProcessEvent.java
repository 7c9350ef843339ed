package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonAlias;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonValue;
import org.jspecify.annotations.Nullable;

/** {@code process.ProcessEvent}: one message of Start and Connect. On the wire it is wrapped as {@code {"event": …}}. */
@SuppressWarnings("ArrayRecordComponent") // carriers of bytes; never compared
public sealed interface ProcessEvent {
    record Started(int pid) implements ProcessEvent {}

    record Stdout(byte[] data) implements ProcessEvent {}

    record Stderr(byte[] data) implements ProcessEvent {}

    record Pty(byte[] data) implements ProcessEvent {}

    /**
     * The last event.
     *
     * @param exitCode -1 when a signal ended it
     * @param exited whether it ended by itself
     * @param status {@code exit status N} or {@code signal: …}
     * @param error set when it ended with anything but 0
     */
    record Ended(
            int exitCode,
            boolean exited,
            String status,
            @Nullable String error) implements ProcessEvent {}

    record KeepAlive() implements ProcessEvent {}

    /** A message of Start or Connect. */
    record Message(ProcessEvent event) {}

    @JsonValue
    default Object wire() {
        return switch (this) {
            case Started started -> new Wire(new WireStart(started.pid), null, null, null);
            case Stdout out -> new Wire(null, new WireData(out.data, null, null), null, null);
            case Stderr err -> new Wire(null, new WireData(null, err.data, null), null, null);
            case Pty pty -> new Wire(null, new WireData(null, null, pty.data), null, null);
            case Ended end -> new Wire(null, null, new WireEnd(end.exitCode, end.exited, end.status, end.error), null);
            case KeepAlive alive -> new Wire(null, null, null, Empty.EMPTY);
        };
    }

    /** An event without a known part reads as a keepalive: later versions may add some. */
    @JsonCreator
    static ProcessEvent ofWire(
            @JsonProperty("start") @Nullable WireStart start,
            @JsonProperty("data") @Nullable WireData data,
            @JsonProperty("end") @Nullable WireEnd end) {
        if (start != null) {
            return new Started(start.pid);
        }
        if (end != null) {
            var status = end.status == null ? "" : end.status;
            return new Ended(end.exitCode, end.exited, status, end.error);
        }
        if (data != null && data.stdout != null) {
            return new Stdout(data.stdout);
        }
        if (data != null && data.stderr != null) {
            return new Stderr(data.stderr);
        }
        if (data != null && data.pty != null) {
            return new Pty(data.pty);
        }
        return new KeepAlive();
    }

    /** The flat shape that protobuf's JSON gives a oneof. */
    record Wire(
            @Nullable WireStart start,
            @Nullable WireData data,
            @Nullable WireEnd end,
            @Nullable Empty keepalive) {}

    record WireStart(int pid) {}

    record WireData(byte @Nullable [] stdout, byte @Nullable [] stderr, byte @Nullable [] pty) {}

    record WireEnd(
            @JsonAlias("exit_code") int exitCode,
            boolean exited,
            @Nullable String status,
            @Nullable String error) {}
}
