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
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A sandbox that a caller owns, from its creation to its end. Safe for all threads. */
public final class Sandbox {
    private static final Duration LEAST_RESUME = Duration.ofMinutes(5);
    private static final Logger LOG = LoggerFactory.getLogger(Sandbox.class);

    private final Room room;
    private final SandboxSpec spec;
    private final Origin origin;
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

    /** It was told that the record cannot be written. */
    private volatile boolean missed;

    /** Held by whoever pauses, resumes, copies or removes its room. */
    private final ReentrantLock moving = new ReentrantLock();

    /** Whether only its files are there: its room was ended and its disk is kept. Changed with {@link #moving} held. */
    private volatile boolean stored;

    private volatile Instant pausedAt;

    /** Guests of an engine before this one that no context knows. */
    private volatile List<Guest> strays = List.of();

    /** Told about the end of a sandbox. */
    interface Keeper {
        /** It is not to be found any more; its room is still there. */
        void ending(Sandbox sandbox);

        /** Its room is gone. */
        void ended(Sandbox sandbox);

        /** Throws when no more sandboxes may be paused. */
        void pausing(Sandbox sandbox);

        /** Whether the disk of a room can outlive it here. */
        boolean keepsDisks();

        /** It needs no place any more: only its files are there. */
        void stored(Sandbox sandbox);

        /** It needs a place again; throws when there is none. */
        void resuming(Sandbox sandbox);
    }

    private Sandbox(
            Room room,
            @Nullable Guest agent,
            SandboxSpec spec,
            Origin origin,
            Instant startedAt,
            Instant endAt,
            Instant latestEnd,
            Optional<String> accessToken,
            Setting setting) {
        this.room = room;
        this.spec = spec;
        this.origin = origin;
        this.clock = setting.clock();
        this.keeper = setting.keeper();
        this.records = setting.records();
        this.startedAt = startedAt;
        this.bounds = setting.bounds();
        this.history = new UseHistory(room.limits().cpuMillis() / 1000.0);
        this.latestEnd = latestEnd;
        this.pausedAt = startedAt;
        this.endAt = new AtomicReference<>(notAfterLatest(endAt));
        this.accessToken = accessToken;
        this.trafficToken = spec.network().publicTraffic() ? Optional.empty() : accessToken.map(Ids::trafficToken);
        this.network = new SandboxNetwork(setting.egress(), id(), spec.network());
        Map<String, String> env = network.environment(spec.env());
        this.agentGuest = new AgentGuest(room, agent, env, network.preparation(), this::requireRunning);
        this.agent = new Agent(agentGuest, origin);
        this.contexts = new Contexts(room, env, setting.ids(), this::requireRunning, this::changed);
    }

    /** What all sandboxes of an engine share. */
    record Setting(Ids ids, InstantSource clock, Bounds bounds, Egress egress, Keeper keeper, SandboxRecords records) {}

    /** A new sandbox in a finished room. */
    static Sandbox begin(FinishedRoom finished, SandboxSpec spec, Origin origin, Setting setting) {
        Instant now = setting.clock().instant();
        Optional<String> token = spec.secure() ? Optional.of(setting.ids().token()) : Optional.empty();
        var sandbox = new Sandbox(
                finished.room(),
                finished.agent(),
                spec,
                origin,
                now,
                now.plus(spec.timeout()),
                now.plus(setting.bounds().lifetime()),
                token,
                setting);
        sandbox.contexts.begin(finished.python());
        finished.room().used(); // it may have waited in the pool for long
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
                record.origin().orElseGet(() -> Origin.of(room.template())),
                record.startedAt(),
                record.endAt(),
                record.latestEnd(),
                record.accessToken(),
                setting);
        sandbox.contexts.restore(record.contexts());
        sandbox.strays = sandbox.findStrays();
        sandbox.network.reopen(sandbox.agentGuest);
        sandbox.pausedAt = record.pausedAt();
        if (frozen) {
            boolean _ = sandbox.state.change(SandboxState.RUNNING, SandboxState.PAUSED);
        }
        return sandbox;
    }

    /** A paused sandbox of an engine before this one, of which only the files are there. */
    static Sandbox restoreStored(Room room, SandboxRecord record, Setting setting) {
        Sandbox sandbox = restore(room, true, record, setting);
        sandbox.stored = true;
        return sandbox;
    }

    /** Opens its way out, if it has one. */
    void openNetwork() {
        network.open(agentGuest);
    }

    /** Ends the guests of an adopted room that belong to nothing: they were being started when the engine before ended. */
    void endStrayGuests() {
        for (Guest guest : strays) {
            LOG.info("Sandbox {}: the guest {} was half started: it is ended", id(), guest.name());
            room.signal(guest, 9);
        }
        strays = List.of();
    }

    /** Looked for before the sandbox can be used: a guest that is started since is none. */
    private List<Guest> findStrays() {
        Set<String> known = contexts.records().stream()
                .flatMap(context -> Stream.ofNullable(context.guest()))
                .collect(Collectors.toSet());
        return room.guestNames().stream()
                .filter(name -> !known.contains(name) && !name.startsWith(Room.AGENT))
                .flatMap(name -> Stream.ofNullable(room.guest(name)))
                .toList();
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
                        Optional.of(origin),
                        startedAt,
                        endAt.get(),
                        latestEnd,
                        accessToken,
                        state.get(),
                        pausedAt,
                        room.layers(),
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
                room.limits(),
                spec.lifecycle());
    }

    /** Something that the record holds is different now. A record that cannot be written does not stop the sandbox: the engine tries again. */
    private void changed() {
        try {
            record();
            missed = false;
        } catch (EngineException e) {
            if (!missed) {
                missed = true; // the next tries need not be told, they come five times a second
                LOG.warn("Sandbox {} goes on, but after a restart it would be as before: {}", id(), e.getMessage());
            }
        }
    }

    /** The record may be written a little later, by the engine. */
    private void changedLittle() {
        recording.lock(); // a record that is being written may have the old state
        try {
            unrecorded = true;
        } finally {
            recording.unlock();
        }
    }

    /** Writes a record that could not be written, or was put off. */
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
        return origin.template();
    }

    Origin origin() {
        return origin;
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
        // roomd keeps the disks of those that are paused, also when it is killed: the next engine needs the record.
        boolean leaves = cause == KillCause.ENGINE_FAILED && state.get() == SandboxState.PAUSED && keeper.keepsDisks();
        killCause.compareAndSet(Optional.empty(), Optional.of(cause));
        if (!state.end(SandboxState.KILLED)) {
            return false;
        }
        LOG.info("Sandbox {} ends: {}", id(), cause.text());
        keeper.ending(this);
        if (!leaves) {
            forgetRecord(); // before the room: whoever finds the room without a record destroys it
        }
        String because = "sandbox " + id() + " has ended: " + cause.text();
        network.close();
        agentGuest.close(because);
        contexts.close(because);
        moving.lock(); // a pause or resume under way comes to its end first
        try {
            if (stored) {
                room.dropStored();
            } else {
                room.destroy();
            }
        } catch (EngineException e) {
            LOG.error("Sandbox {} could not be removed: {}", id(), e.getMessage());
        } finally {
            moving.unlock();
            keeper.ended(this);
        }
        return true;
    }

    /**
     * The engine ends: of a paused sandbox the files stay for the next one.
     *
     * @return false when nothing of it can stay
     */
    boolean leave() {
        moving.lock();
        try {
            if (state.get() != SandboxState.PAUSED || !keeper.keepsDisks()) {
                return false;
            }
            if (!stored) {
                store();
            }
            record();
        } catch (EngineException e) {
            LOG.error("The files of sandbox {} cannot be kept: {}", id(), e.getMessage());
            return false;
        } finally {
            moving.unlock();
        }
        String because = "sandbox " + id() + " is paused and the service is shutting down";
        network.close();
        agentGuest.close(because);
        contexts.close(because);
        return true;
    }

    /** As {@link #pause(boolean)} with its memory. */
    public void pause() {
        pause(true);
    }

    /**
     * Stops it; its time stops too. With {@code memory} its processes stand still where they are and go on at a resume; should the engine
     * end meanwhile only the files stay. Without, its processes end and its files stay. FAILED_PRECONDITION when it is paused already,
     * RESOURCE_EXHAUSTED when too many are.
     */
    public void pause(boolean memory) {
        moving.lock();
        try {
            requireAlive();
            keeper.pausing(this);
            Instant pausedBefore = pausedAt;
            // Before the state: with the time of an earlier pause it might count as paused for too long.
            pausedAt = clock.instant();
            if (!state.change(SandboxState.RUNNING, SandboxState.PAUSED)) {
                pausedAt = pausedBefore;
                throw new EngineException(ErrorCode.FAILED_PRECONDITION, "sandbox " + id() + " is not running");
            }
            try {
                if (memory) {
                    room.freeze(keeper.keepsDisks());
                } else {
                    store();
                }
            } catch (EngineException e) {
                if (room.dead()) {
                    boolean _ = kill(KillCause.ROOM_DIED);
                } else {
                    state.change(SandboxState.PAUSED, SandboxState.RUNNING);
                }
                throw e;
            }
        } finally {
            moving.unlock();
        }
        changed();
    }

    /** Its room ends, its disk is kept. */
    private void store() {
        room.store();
        stored = true;
        keeper.stored(this);
    }

    /** As {@link #resume(Duration, boolean)} with what there is. */
    public void resume(Duration timeout) {
        resume(timeout, true);
    }

    /**
     * Lets it go on, to live for {@code timeout} from now. A sandbox of which only the files were kept has new processes and no variables
     * afterwards; so has one that is resumed without {@code memory}. FAILED_PRECONDITION when it is not paused.
     */
    public void resume(Duration timeout, boolean memory) {
        Check.range("timeout", timeout, Duration.ZERO, SandboxSpec.MAX_TIMEOUT);
        moving.lock();
        try {
            requireAlive();
            if (state.get() != SandboxState.PAUSED) {
                throw new EngineException(ErrorCode.FAILED_PRECONDITION, "sandbox " + id() + " is not paused");
            }
            if (!memory && !stored) {
                store();
            }
            latestEnd = clock.instant().plus(bounds.lifetime());
            endAt.set(notAfterLatest(clock.instant().plus(timeout)));
            changed(); // before the thaw: found running, it must not be over
            if (stored) {
                keeper.resuming(this);
                try {
                    room.revive(Room.ROOMD_WAIT);
                } catch (EngineException e) {
                    keeper.stored(this);
                    throw e;
                }
                stored = false;
                LOG.info("Sandbox {} goes on with its files; its memory was not kept", id());
            } else {
                room.thaw();
            }
            room.used();
            state.change(SandboxState.PAUSED, SandboxState.RUNNING);
            requireAlive(); // its end meanwhile waits for us
            changedLittle(); // that the room is not frozen says the same
        } finally {
            moving.unlock();
        }
    }

    /** What it used, a sample every five seconds of the last hour, oldest first; when there is none yet, one of now. */
    public List<UseSample> samples() {
        requireAlive();
        List<UseSample> kept = history.list();
        if (!kept.isEmpty() || stored) {
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

    /** While it is paused: whether its processes will go on, rather than start anew. */
    public boolean memoryKept() {
        return !stored;
    }

    public Lifecycle lifecycle() {
        return spec.lifecycle();
    }

    /** The time that a request which resumes it gives it: what was asked for at its creation, at least five minutes, as E2B does. */
    public Duration resumeTimeout() {
        return spec.timeout().compareTo(LEAST_RESUME) < 0 ? LEAST_RESUME : spec.timeout();
    }

    /** Has its files copied, when it is alive and they are there; it stands still meanwhile. */
    Snapshot copy(Supplier<Snapshot> copying) {
        moving.lock();
        try {
            requireAlive();
            if (stored) {
                throw new EngineException(
                        ErrorCode.FAILED_PRECONDITION,
                        "sandbox " + id() + " is paused without memory: resume it first");
            }
            return copying.get();
        } finally {
            moving.unlock();
        }
    }

    /** What its forks are asked for: the same, but with a timeout of their own. */
    SandboxSpec forkSpec(Duration timeout) {
        return new SandboxSpec(
                template(), timeout, metadata(), env(), spec.secure(), networkWish(), limits(), lifecycle());
    }

    /** What its lifecycle says happens now; it is killed for the cause when it is not paused. */
    void timeIsOver(KillCause cause) {
        if (overBecause(clock.instant()).isEmpty()) {
            return; // a client was faster
        }
        Lifecycle.OnTimeout wish = spec.lifecycle().onTimeout();
        if (wish != Lifecycle.OnTimeout.KILL) {
            moving.lock();
            try {
                if (overBecause(clock.instant()).isPresent()) { // else it was paused, or resumed, before our turn
                    pause(wish == Lifecycle.OnTimeout.PAUSE);
                }
                return;
            } catch (EngineException e) {
                if (e.code() == ErrorCode.NOT_FOUND || (state.get() == SandboxState.PAUSED && !room.dead())) {
                    return; // a client ended or paused it at the same moment
                }
                LOG.warn("Sandbox {} cannot be paused at its timeout and ends: {}", id(), e.getMessage());
            } finally {
                moving.unlock();
            }
        }
        boolean _ = kill(cause);
    }

    boolean isPausedSinceBefore(Instant time) {
        return state.get() == SandboxState.PAUSED && pausedAt.isBefore(time);
    }

    /** Ends it, unless it was resumed meanwhile. */
    void endIfPausedSinceBefore(Instant time) {
        moving.lock();
        try {
            if (isPausedSinceBefore(time)) {
                boolean _ = kill(KillCause.PAUSED_TOO_LONG);
            }
        } finally {
            moving.unlock();
        }
    }

    /** FAILED_PRECONDITION when only its files are there. */
    public ResourceUse use() {
        requireAlive();
        if (stored) {
            throw new EngineException(
                    ErrorCode.FAILED_PRECONDITION, "sandbox " + id() + " is paused without memory: it uses nothing");
        }
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

    boolean isStored() {
        return stored;
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
