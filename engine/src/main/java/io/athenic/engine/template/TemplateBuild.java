package io.athenic.engine.template;

import io.athenic.engine.Template;
import java.time.InstantSource;
import java.util.Optional;

/** One build of a template, from its announcement to its end. Safe for all threads. */
public final class TemplateBuild {
    /** WAITING: announced, or in the queue. */
    public enum State {
        WAITING,
        BUILDING,
        READY,
        ERROR
    }

    /** Why it failed; the step is its number as text, {@code base} or {@code finalize}. */
    public record Failure(String message, String step) {}

    private final String id;
    private final String name;
    private final int cpuMillis;
    private final long memoryBytes;
    private final long diskBytes;
    private final BuildLog log;
    private volatile State state = State.WAITING;
    private volatile boolean begun;
    private volatile Optional<Failure> failure = Optional.empty();

    TemplateBuild(String id, String name, int cpuMillis, long memoryBytes, long diskBytes, InstantSource clock) {
        Template.checkName(name);
        this.id = id;
        this.name = name;
        this.cpuMillis = cpuMillis;
        this.memoryBytes = memoryBytes;
        this.diskBytes = diskBytes;
        this.log = new BuildLog(clock);
    }

    public String id() {
        return id;
    }

    /** Of the template. */
    public String name() {
        return name;
    }

    public BuildLog log() {
        return log;
    }

    public State state() {
        return state;
    }

    public Optional<Failure> failure() {
        return failure;
    }

    public boolean ended() {
        return state == State.READY || state == State.ERROR;
    }

    /** Wished limits of the template's sandboxes; 0: the usual. */
    int cpuMillis() {
        return cpuMillis;
    }

    long memoryBytes() {
        return memoryBytes;
    }

    long diskBytes() {
        return diskBytes;
    }

    /** True for the first caller alone. */
    synchronized boolean begin() {
        boolean first = !begun;
        begun = true;
        return first;
    }

    void building() {
        state = State.BUILDING;
    }

    void ready() {
        log.add(BuildLog.Level.INFO, "Template " + name + " is ready");
        state = State.READY;
    }

    void failed(Failure why) {
        log.add(BuildLog.Level.ERROR, why.message());
        failure = Optional.of(why);
        state = State.ERROR;
    }
}
