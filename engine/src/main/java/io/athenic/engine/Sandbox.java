package io.athenic.engine;

import io.athenic.engine.egress.Egress;
import io.athenic.engine.egress.NetworkEvent;
import io.athenic.engine.egress.NetworkPolicy;
import io.athenic.engine.egress.NetworkWish;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A sandbox that a caller owns, from its creation to its end. Safe for all threads. */
public final class Sandbox {
    private static final Logger LOG = LoggerFactory.getLogger(Sandbox.class);

    private final Room room;
    private final SandboxSpec spec;
    private final InstantSource clock;
    private final Instant startedAt;
    private final Bounds bounds;
    private volatile Instant latestEnd;
    private final UseHistory history;
    private final Optional<String> accessToken;
    private final StateMachine<SandboxState> state =
            new StateMachine<>(SandboxState.RUNNING, Set.of(SandboxState.KILLED));
    private final AtomicReference<Instant> endAt;
    private final AtomicReference<Optional<KillCause>> killCause = new AtomicReference<>(Optional.empty());
    private final AgentGuest agentGuest;
    private final Agent agent;
    private final Contexts contexts;
    private final SandboxNetwork network;
    private final Optional<String> trafficToken;
    private final Keeper keeper;
    private final SandboxRecords records;
    /** Guards the record's file: what is written last must be what is true last, so the lock is held while writing. */
    private final ReentrantLock recording = new ReentrantLock();

    private volatile boolean unrecorded;

    /** Told about the end of a sandbox. */
    interface Keeper {
        /** It is not to be found any more; its room is still there. */
        void ending(Sandbox sandbox);

        /** Its room is gone. */
        void ended(Sandbox sandbox);
    }

    private Sandbox(
            Room room,
            @Nullable Guest agent,
            SandboxSpec spec,
            Instant startedAt,
            Instant endAt,
            Instant latestEnd,
            Optional<String> accessToken,
            Setting setting) {
        this.room = room;
        this.spec = spec;
        this.clock = setting.clock();
        this.keeper = setting.keeper();
        this.records = setting.records();
        this.startedAt = startedAt;
        this.bounds = setting.bounds();
        this.history = new UseHistory(room.limits().cpuMillis() / 1000.0);
        this.latestEnd = latestEnd;
        this.endAt = new AtomicReference<>(notAfterLatest(endAt));
        this.accessToken = accessToken;
        this.trafficToken = spec.network().publicTraffic() ? Optional.empty() : accessToken.map(Ids::trafficToken);
        this.network = new SandboxNetwork(setting.egress(), id(), spec.network());
        Map<String, String> env = network.environment(spec.env());
        this.agentGuest = new AgentGuest(room, agent, env, network.preparation(), this::requireRunning);
        this.agent = new Agent(agentGuest);
        this.contexts = new Contexts(room, env, setting.ids(), this::requireRunning, this::changed);
    }

    /** What all sandboxes of an engine share. */
    record Setting(Ids ids, InstantSource clock, Bounds bounds, Egress egress, Keeper keeper, SandboxRecords records) {}

    /** A new sandbox in a finished room. */
    static Sandbox begin(FinishedRoom finished, SandboxSpec spec, Setting setting) {
        Instant now = setting.clock().instant();
        Optional<String> token = spec.secure() ? Optional.of(setting.ids().token()) : Optional.empty();
        var sandbox = new Sandbox(
                finished.room(),
                finished.agent(),
                spec,
                now,
                now.plus(spec.timeout()),
                now.plus(setting.bounds().lifetime()),
                token,
                setting);
        sandbox.contexts.begin(finished.python());
        return sandbox;
    }

    /** The sandbox of an engine before this one. Its room says whether it is paused: the record may be of a moment before. */
    static Sandbox restore(Room room, boolean frozen, SandboxRecord record, Setting setting) {
        Guest agent = room.guestNames().stream()
                .filter(name -> name.startsWith(Room.AGENT))
                .map(room::guest)
                .findFirst()
                .orElse(null);
        var sandbox = new Sandbox(
                room,
                agent,
                record.spec(),
                record.startedAt(),
                record.endAt(),
                record.latestEnd(),
                record.accessToken(),
                setting);
        sandbox.contexts.restore(record.contexts());
        sandbox.network.reopen(sandbox.agentGuest);
        if (frozen) {
            boolean _ = sandbox.state.change(SandboxState.RUNNING, SandboxState.PAUSED);
        }
        return sandbox;
    }

    /** Opens its way out, if it has one. */
    void openNetwork() {
        network.open(agentGuest);
    }

    /** Ends the guests of an adopted room that belong to nothing: they were being started when the engine before ended. */
    void endStrayGuests() {
        Set<String> known = contexts.records().stream()
                .flatMap(context -> Stream.ofNullable(context.guest()))
                .collect(Collectors.toSet());
        for (String name : room.guestNames()) {
            Guest guest = room.guest(name);
            if (guest != null && !known.contains(name) && !name.startsWith(Room.AGENT)) {
                LOG.info("Sandbox {}: the guest {} was half started: it is ended", id(), name);
                room.signal(guest, 9);
            }
        }
    }

    /** Writes its record. RESOURCE_EXHAUSTED when that is not possible. The building of a template does not go on after a restart. */
    void record() {
        if (spec.network().build()) {
            return;
        }
        recording.lock();
        try {
            if (state.get() != SandboxState.KILLED) {
                unrecorded = true;
                records.write(new SandboxRecord(
                        id(),
                        recordedSpec(),
                        startedAt,
                        endAt.get(),
                        latestEnd,
                        accessToken,
                        state.get(),
                        contexts.records()));
                unrecorded = false;
            }
        } finally {
            recording.unlock();
        }
    }

    private SandboxSpec recordedSpec() {
        return new SandboxSpec(
                spec.template(),
                spec.timeout(),
                spec.metadata(),
                spec.env(),
                spec.secure(),
                network.wish(),
                room.limits());
    }

    /** Something that the record holds is different now. A record that cannot be written does not stop the sandbox: the engine tries again. */
    private void changed() {
        try {
            record();
        } catch (EngineException e) {
            LOG.warn("Sandbox {} goes on, but after a restart it would be as before: {}", id(), e.getMessage());
        }
    }

    /** Tries again to write a record that could not be written. */
    void recordIfMissed() {
        if (unrecorded) {
            changed();
        }
    }

    private void forgetRecord() {
        recording.lock();
        try {
            records.delete(id());
        } finally {
            recording.unlock();
        }
    }

    public String id() {
        return room.id();
    }

    /** The template's name, also when an alias was asked for. */
    public String template() {
        return Templates.shown(room.template());
    }

    /** What its template gives to processes that do not say otherwise. */
    void settings(TemplateSettings settings) {
        agent.settings(settings);
    }

    public Instant startedAt() {
        return startedAt;
    }

    /** When it will be killed, unless it is paused. */
    public Instant endAt() {
        return endAt.get();
    }

    public Map<String, String> metadata() {
        return spec.metadata();
    }

    public Map<String, String> env() {
        return spec.env();
    }

    /** The secret that whoever reaches its ports must show; empty where none is needed. */
    public Optional<String> trafficToken() {
        return trafficToken;
    }

    /** What was asked for of the network, at the creation or since. */
    public NetworkWish networkWish() {
        return network.wish();
    }

    /** What it may reach, within the operator's rules. */
    public NetworkPolicy networkPolicy() {
        return network.policy();
    }

    /**
     * Replaces what it may reach; connections that are not allowed any more are cut. FAILED_PRECONDITION when it asks for network and this
     * server gives none.
     */
    public void setNetwork(NetworkWish wish) {
        requireAlive();
        network.change(wish);
        changed();
    }

    /** The last thousand decisions of its proxy, oldest first. */
    public List<NetworkEvent> networkEvents() {
        return network.events();
    }

    public Limits limits() {
        return room.limits();
    }

    public SandboxState state() {
        return state.get();
    }

    /** Why it ended; empty while it lives. */
    public Optional<KillCause> killCause() {
        return killCause.get();
    }

    /** The secret that its clients must show, 256 bits in hex; empty for a sandbox that is not secure. */
    public Optional<String> accessToken() {
        return accessToken;
    }

    /** Sets the end to {@code fromNow} from now, sooner or later than it was, but not beyond the longest lifetime. */
    public void setTimeout(Duration fromNow) {
        Check.range("timeout", fromNow, Duration.ZERO, SandboxSpec.MAX_TIMEOUT);
        requireAlive();
        endAt.set(notAfterLatest(clock.instant().plus(fromNow)));
        changed();
    }

    /** Moves the end to that time if it was sooner; at most 24 h from now. */
    public void extendTo(Instant atLeast) {
        Check.argument(
                !atLeast.isAfter(clock.instant().plus(SandboxSpec.MAX_TIMEOUT)),
                "a sandbox ends within " + SandboxSpec.MAX_TIMEOUT.toHours() + " h");
        requireAlive();
        Instant before = endAt.get();
        if (!endAt.accumulateAndGet(notAfterLatest(atLeast), (now, wish) -> wish.isAfter(now) ? wish : now)
                .equals(before)) {
            changed();
        }
    }

    /**
     * Ends it and waits until nothing of it is left.
     *
     * @return false when it had ended before
     */
    public boolean kill(KillCause cause) {
        killCause.compareAndSet(Optional.empty(), Optional.of(cause));
        if (!state.end(SandboxState.KILLED)) {
            return false;
        }
        LOG.info("Sandbox {} ends: {}", id(), cause.text());
        keeper.ending(this);
        forgetRecord(); // before the room: whoever finds the room without a record destroys it
        String because = "sandbox " + id() + " has ended: " + cause.text();
        network.close();
        agentGuest.close(because);
        contexts.close(because);
        try {
            room.destroy();
        } catch (EngineException e) {
            LOG.error("Sandbox {} could not be removed: {}", id(), e.getMessage());
        } finally {
            keeper.ended(this);
        }
        return true;
    }

    /** Stops all its processes where they are; its time stops too. FAILED_PRECONDITION when it is paused already. */
    public void pause() {
        requireAlive();
        if (!state.change(SandboxState.RUNNING, SandboxState.PAUSED)) {
            throw new EngineException(ErrorCode.FAILED_PRECONDITION, "sandbox " + id() + " is not running");
        }
        try {
            room.freeze();
        } catch (EngineException e) {
            state.change(SandboxState.PAUSED, SandboxState.RUNNING);
            throw e;
        }
        changed();
    }

    /** Lets its processes go on, to live for {@code timeout} from now. FAILED_PRECONDITION when it is not paused. */
    public void resume(Duration timeout) {
        Check.range("timeout", timeout, Duration.ZERO, SandboxSpec.MAX_TIMEOUT);
        requireAlive();
        if (state.get() != SandboxState.PAUSED) {
            throw new EngineException(ErrorCode.FAILED_PRECONDITION, "sandbox " + id() + " is not paused");
        }
        latestEnd = clock.instant().plus(bounds.lifetime());
        endAt.set(notAfterLatest(clock.instant().plus(timeout)));
        changed(); // before the thaw: found running, it must not be over
        room.thaw();
        state.change(SandboxState.PAUSED, SandboxState.RUNNING);
        changed();
    }

    /** What it used, a sample every five seconds of the last hour, oldest first; when there is none yet, one of now. */
    public List<UseSample> samples() {
        requireAlive();
        List<UseSample> kept = history.list();
        if (!kept.isEmpty()) {
            return kept;
        }
        ResourceUse use = room.use();
        return List.of(history.add(
                clock.instant(),
                System.nanoTime(),
                use.cpuMicros(),
                use.memoryBytes(),
                use.diskUsedBytes(),
                use.diskTotalBytes()));
    }

    UseHistory history() {
        return history;
    }

    public ResourceUse use() {
        requireAlive();
        return room.use();
    }

    public Agent agent() {
        return agent;
    }

    /** All contexts in the order of their creation, the default ones of Python and JavaScript first. */
    public List<CodeContext> contexts() {
        return contexts.list();
    }

    public Optional<CodeContext> context(String id) {
        return contexts.find(id);
    }

    /** The context used when none is named; made at the first use of its language. */
    public CodeContext defaultContext(String language) {
        return contexts.ofLanguage(Languages.canonical(language));
    }

    /** Makes a context and starts its kernel; RESOURCE_EXHAUSTED at 32 of them. */
    public CodeContext createContext(String language, String cwd) {
        requireRunning();
        Check.text("cwd", cwd, 4096);
        return contexts.create(Languages.canonical(language), cwd.isEmpty() ? CodeContext.HOME : cwd);
    }

    /** Ends a context; NOT_FOUND when there is none of that id. */
    public void removeContext(String id) {
        contexts.remove(id);
    }

    /** Ends a context's kernel and starts another: the id stays, the state is lost; code that runs fails. */
    public void restartContext(String id) {
        requireRunning();
        contexts.require(id).restart();
    }

    /** Runs the action when the sandbox ends, before its processes are killed, or now if it has ended. The action must not block. */
    public Registration onEnd(Runnable action) {
        return state.onEnd(action);
    }

    Room room() {
        return room;
    }

    boolean isOver(Instant now) {
        return state.get() == SandboxState.RUNNING && !endAt.get().isAfter(now);
    }

    /** The cause for which it is to be ended although it was not asked for; empty while there is none. */
    Optional<KillCause> overBecause(Instant now) {
        if (isOver(now)) {
            return Optional.of(KillCause.TIMEOUT);
        }
        boolean unused = state.get() == SandboxState.RUNNING
                && bounds.unused().isPositive()
                && room.unusedNanos() >= bounds.unused().toNanos();
        return unused ? Optional.of(KillCause.UNUSED) : Optional.empty();
    }

    private Instant notAfterLatest(Instant wish) {
        return wish.isAfter(latestEnd) ? latestEnd : wish;
    }

    private void requireAlive() {
        if (state.get() == SandboxState.KILLED) {
            throw new EngineException(
                    ErrorCode.NOT_FOUND,
                    "sandbox " + id() + " has ended"
                            + killCause.get().map(cause -> ": " + cause.text()).orElse(""));
        }
    }

    private void requireRunning() {
        requireAlive();
        if (state.get() == SandboxState.PAUSED) {
            throw new EngineException(ErrorCode.FAILED_PRECONDITION, "sandbox " + id() + " is paused: resume it first");
        }
    }
}
