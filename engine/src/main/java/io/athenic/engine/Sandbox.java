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

    /** Told about the end of a sandbox. */
    interface Keeper {
        /** It is not to be found any more; its room is still there. */
        void ending(Sandbox sandbox);

        /** Its room is gone. */
        void ended(Sandbox sandbox);
    }

    Sandbox(
            FinishedRoom finished,
            SandboxSpec spec,
            Ids ids,
            InstantSource clock,
            Bounds bounds,
            Egress egress,
            Keeper keeper) {
        this.room = finished.room();
        this.spec = spec;
        this.clock = clock;
        this.keeper = keeper;
        this.startedAt = clock.instant();
        this.bounds = bounds;
        this.latestEnd = startedAt.plus(bounds.lifetime());
        this.endAt = new AtomicReference<>(notAfterLatest(startedAt.plus(spec.timeout())));
        this.accessToken = spec.secure() ? Optional.of(ids.token()) : Optional.empty();
        this.trafficToken = spec.network().publicTraffic() ? Optional.empty() : Optional.of(ids.token());
        this.network = new SandboxNetwork(egress, id(), spec.network());
        Map<String, String> env = network.environment(spec.env());
        this.agentGuest = new AgentGuest(room, finished.agent(), env, network.preparation(), this::requireRunning);
        this.agent = new Agent(agentGuest);
        this.contexts = new Contexts(room, finished.python(), env, ids, this::requireRunning);
    }

    /** Opens its way out, if it has one. */
    void openNetwork() {
        network.open(agentGuest);
    }

    public String id() {
        return room.id();
    }

    /** The template's own name, also when an alias was asked for. */
    public String template() {
        return room.template();
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
    }

    /** Moves the end to that time if it was sooner; at most 24 h from now. */
    public void extendTo(Instant atLeast) {
        Check.argument(
                !atLeast.isAfter(clock.instant().plus(SandboxSpec.MAX_TIMEOUT)),
                "a sandbox ends within " + SandboxSpec.MAX_TIMEOUT.toHours() + " h");
        requireAlive();
        endAt.accumulateAndGet(notAfterLatest(atLeast), (before, wish) -> wish.isAfter(before) ? wish : before);
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
    }

    /** Lets its processes go on, to live for {@code timeout} from now. FAILED_PRECONDITION when it is not paused. */
    public void resume(Duration timeout) {
        Check.range("timeout", timeout, Duration.ZERO, SandboxSpec.MAX_TIMEOUT);
        requireAlive();
        if (state.get() != SandboxState.PAUSED) {
            throw new EngineException(ErrorCode.FAILED_PRECONDITION, "sandbox " + id() + " is not paused");
        }
        room.thaw();
        latestEnd = clock.instant().plus(bounds.lifetime());
        endAt.set(notAfterLatest(clock.instant().plus(timeout)));
        state.change(SandboxState.PAUSED, SandboxState.RUNNING);
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
