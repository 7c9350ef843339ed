package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.engine.egress.Egress;
import io.athenic.engine.egress.Resolver;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes sandboxes, finds them, ends them when their time is over. One client of one roomd; when that dies the engine has FAILED for good. */
public final class Engine implements AutoCloseable {
    /** roomd first finishes what it does for the engine before this one. */
    private static final Duration HELLO = Duration.ofSeconds(40);

    /** Copies of a sandbox that one request makes at most. */
    private static final int MAX_FORKS = 32;

    /** The clock may be set by a test, so no wait for it is longer than this. */
    private static final Duration LONGEST_NAP = Duration.ofMillis(200);

    private static final Logger LOG = LoggerFactory.getLogger(Engine.class);

    private final EngineConfig config;
    private final InstantSource clock;
    private final Timers timers = new Timers();
    private final Ids ids = new Ids();
    private final Templates templates;
    private final RoomdClient roomd;
    private final Zygotes zygotes;
    private final RoomFactory factory;
    private final Pools pools;
    private final Egress egress;
    private final Snapshots snapshots;
    private volatile boolean keepsDisks;
    private final List<String> notes = new ArrayList<>();
    private final Map<String, Sandbox> sandboxes = new ConcurrentHashMap<>();
    private final SandboxRecords records;
    private final Adoption adoption;
    private final Sandbox.Setting setting;
    private final Semaphore places;
    private final AtomicReference<@Nullable TemplateBook> book = new AtomicReference<>();
    private final Trees trees;
    private final AtomicReference<Condition> condition =
            new AtomicReference<>(new Condition(EngineState.STARTING, "the template is being loaded"));
    private final CountDownLatch started = new CountDownLatch(1);
    private final AtomicLong created = new AtomicLong();
    private final AtomicLong hits = new AtomicLong();
    private final AtomicLong misses = new AtomicLong();
    private final Thread expiry;
    private final EngineMetrics metrics;
    private final Sampler sampler;

    private record Condition(EngineState state, String detail) {}

    /** Connects to roomd; then loads the template and fills the pool in the background. UNAVAILABLE when roomd does not answer. */
    public static Engine start(EngineConfig config, InstantSource clock) {
        return start(config, clock, Resolver.SYSTEM, new SimpleMeterRegistry());
    }

    /** As {@link #start(EngineConfig, InstantSource)}, with its counters and timers, named {@code athenic.*}, in the registry. */
    public static Engine start(EngineConfig config, InstantSource clock, MeterRegistry registry) {
        return start(config, clock, Resolver.SYSTEM, registry);
    }

    /** As {@link #start(EngineConfig, InstantSource)}, with other names than the machine's. */
    public static Engine start(EngineConfig config, InstantSource clock, Resolver resolver) {
        return start(config, clock, resolver, new SimpleMeterRegistry());
    }

    private static Engine start(EngineConfig config, InstantSource clock, Resolver resolver, MeterRegistry registry) {
        Engine engine = new Engine(config, clock, resolver, registry);
        engine.expiry.start();
        engine.sampler.start();
        Thread.ofVirtual().name("engine-start").start(engine::load);
        return engine;
    }

    private Engine(EngineConfig config, InstantSource clock, Resolver resolver, MeterRegistry registry) {
        this.metrics = new EngineMetrics(registry);
        this.config = config;
        this.clock = clock;
        this.templates = new Templates(config.templateRoot());
        this.expiry = Thread.ofVirtual().name("engine-expiry").unstarted(this::expire);
        this.records = new SandboxRecords(config.records());
        var events = new HeldEvents(new Events());
        this.roomd = RoomdClient.connect(config.roomdSocket(), events);
        this.adoption = new Adoption(roomd, records);
        try {
            JsonNode hello = roomd.call("hello", Json.object(), HELLO);
            hello.path("notes").forEach(note -> notes.add(note.asText()));
            keepsDisks = Json.text(hello, "disk").equals("loop");
            LOG.info(
                    "roomd {}: cgroup {}, disk {}, {} rooms of an earlier life removed",
                    Json.text(hello, "version"),
                    Json.text(hello, "cgroup"),
                    Json.text(hello, "disk"),
                    hello.path("swept").asInt());
            adoption.sort(hello, config.onRestart(), clock.instant());
        } catch (RuntimeException e) {
            roomd.close();
            timers.close();
            throw e;
        }
        this.egress = new Egress(config.egress(), resolver, clock);
        this.setting = new Sandbox.Setting(ids, clock, config.bounds(), egress, new Keeper(), records);
        this.trees = new Trees(roomd);
        this.snapshots = new Snapshots(roomd, config.keeping().snapshotBytes());
        this.zygotes = new Zygotes(roomd, templates);
        this.factory = new RoomFactory(roomd, timers, zygotes, ids, config.bounds(), metrics);
        this.pools = new Pools(
                config.pooling(),
                new Pools.Kind(Templates.DEFAULT, config.defaultLimits()),
                clock,
                new PoolHost(
                        new HostMemory(config.bounds().hostReserveBytes()),
                        config.pooling().loadPerCore()),
                kind -> factory.buildWarm(kind.template(), kind.limits(), config.createTimeout()),
                factory::destroyQuietly);
        // More than are allowed now may go on: then none can be made until some have ended.
        this.places = new Semaphore(config.maxSandboxes() - adoption.adopted().size());
        adoption.adopted().forEach(this::adopt);
        adoption.stored().forEach(this::adoptStored);
        events.release();
        this.sampler = new Sampler(roomd, clock, this::list);
        register(registry);
    }

    private void adopt(Adoption.Found found) {
        boolean frozen = found.room().path("frozen").asBoolean();
        Sandbox sandbox = Sandbox.restore(factory.restore(found), frozen, found.record(), setting);
        sandboxes.put(sandbox.id(), sandbox);
        LOG.info("Sandbox {} of the server's earlier life goes on", sandbox.id());
    }

    private void adoptStored(Adoption.Found found) {
        Sandbox sandbox = Sandbox.restoreStored(factory.restoreStored(found), found.record(), setting);
        sandboxes.put(sandbox.id(), sandbox);
        LOG.info("Sandbox {} is paused; its files were kept, its memory was not", sandbox.id());
    }

    /** What the end of the engine before this one has left half done. */
    private void tidy() {
        try {
            adoption.destroyStrangers();
            for (Adoption.Found found : adoption.adopted()) {
                Sandbox sandbox = sandboxes.get(found.record().id());
                if (sandbox != null) {
                    sandbox.endStrayGuests();
                }
            }
        } catch (EngineException e) {
            LOG.error("What the server's earlier life has left could not be removed: {}", e.getMessage());
        }
    }

    private void register(MeterRegistry registry) {
        gauge(registry, "athenic.pool.ready", "Finished rooms that wait", Tags.empty(), pools::ready);
        for (SandboxState state : List.of(SandboxState.RUNNING, SandboxState.PAUSED)) {
            Tags label = Tags.of("state", state.name().toLowerCase(Locale.ROOT));
            gauge(registry, "athenic.sandboxes", "Sandboxes alive", label, () -> count(state));
        }
        gauge(
                registry,
                "athenic.host.memory.available",
                "Free memory of the machine",
                Tags.empty(),
                HostMemory::availableBytes);
        decisions(registry, "allowed", Egress.Counts::allowed);
        decisions(registry, "denied", Egress.Counts::denied);
        decisions(registry, "failed", Egress.Counts::failed);
        moved(registry, "sent", Egress.Counts::sent);
        moved(registry, "received", Egress.Counts::received);
        gauge(
                registry,
                "athenic.egress.open",
                "Connections of sandboxes to the outside",
                Tags.empty(),
                () -> egress.counts().open());
        takes(registry, "hit", hits);
        takes(registry, "miss", misses);
    }

    private static void gauge(MeterRegistry registry, String name, String what, Tags tags, Supplier<Number> value) {
        Gauge.builder(name, value).description(what).tags(tags).register(registry);
    }

    private void decisions(MeterRegistry registry, String verdict, ToLongFunction<Egress.Counts> count) {
        FunctionCounter.builder("athenic.egress.decisions", egress, each -> count.applyAsLong(each.counts()))
                .description("Connections that sandboxes asked for, by what became of them")
                .tag("verdict", verdict)
                .register(registry);
    }

    private void moved(MeterRegistry registry, String direction, ToLongFunction<Egress.Counts> count) {
        FunctionCounter.builder("athenic.egress", egress, each -> count.applyAsLong(each.counts()))
                .description("What went through the proxies of sandboxes")
                .baseUnit("bytes")
                .tag("direction", direction)
                .register(registry);
    }

    private static void takes(MeterRegistry registry, String result, AtomicLong count) {
        FunctionCounter.builder("athenic.pool.takes", count, AtomicLong::doubleValue)
                .description("Creates that found a finished room, and those that did not")
                .tag("result", result)
                .register(registry);
    }

    private long count(SandboxState state) {
        return sandboxes.values().stream()
                .filter(sandbox -> sandbox.state() == state)
                .count();
    }

    private void load() {
        tidy();
        try {
            if (templates.find(Templates.DEFAULT).isEmpty()) {
                throw new EngineException(
                        ErrorCode.NOT_FOUND,
                        "template '" + Templates.DEFAULT + "' is not built: run the template build first");
            }
            zygotes.ensure(Templates.DEFAULT);
            become(EngineState.READY, "sandboxes can be made");
            pools.start();
        } catch (EngineException e) {
            LOG.error("The engine could not start: {}", e.getMessage());
            become(EngineState.FAILED, String.valueOf(e.getMessage()));
        } finally {
            started.countDown();
        }
    }

    /** The end of the engine is final. */
    private void become(EngineState state, String detail) {
        condition.updateAndGet(now -> now.state() == EngineState.STARTING || now.state() == EngineState.READY
                ? new Condition(state, detail)
                : now);
    }

    /** Waits until sandboxes can be made; false when that is not so within the time. */
    public boolean awaitReady(Duration maxWait) throws InterruptedException {
        return started.await(maxWait.toNanos(), TimeUnit.NANOSECONDS)
                && condition.get().state() == EngineState.READY;
    }

    /** Makes a sandbox, from the pool where it has one; returns when its template's start command is ready. */
    public Sandbox create(SandboxSpec spec) {
        try {
            return ofTemplate(spec);
        } catch (EngineException e) {
            metrics.createFailed(e.code());
            throw e;
        }
    }

    private Sandbox ofTemplate(SandboxSpec spec) {
        requireReady();
        Optional<Template> built = templates.built(spec.template());
        if (built.isEmpty()) {
            return ofInstalledOrSnapshot(spec);
        }
        return start(built.get(), spec, config.createTimeout());
    }

    private Sandbox ofInstalledOrSnapshot(SandboxSpec spec) {
        Optional<Snapshot> snapshot =
                templates.find(spec.template()).isPresent() ? Optional.empty() : snapshots.find(spec.template());
        Optional<Template> below = snapshot.flatMap(each -> templates.built(each.origin()));
        return make(
                below.map(template -> template.complete(spec, config.defaultLimits()))
                        .orElse(spec),
                snapshot,
                below.map(Origin::of));
    }

    /** A sandbox of a template that nobody else knows yet. */
    public Sandbox tryOut(Template template, Duration within) {
        requireReady();
        if (template.tree().isPresent()) {
            zygotes.ensure(template.key());
        }
        return start(template, SandboxSpec.of(template.name(), within), within);
    }

    private Sandbox start(Template template, SandboxSpec spec, Duration within) {
        SandboxSpec whole = template.complete(spec, config.defaultLimits());
        Sandbox sandbox = make(whole, Optional.empty(), Optional.of(Origin.of(template)));
        try {
            StartCommand.run(sandbox, template.settings(), within);
            return sandbox;
        } catch (RuntimeException e) {
            sandbox.kill(KillCause.START_FAILED);
            throw e;
        }
    }

    /** Reads the templates that were built here from a folder of the server's own. To be called once, at the start. */
    public void openTemplates(Path folder) {
        TemplateBook opened = TemplateBook.open(folder);
        templates.open(opened);
        book.set(opened);
    }

    /** The templates that were built here. */
    public TemplateBook templates() {
        return Optional.ofNullable(book.get())
                .orElseThrow(() -> new EngineException(
                        ErrorCode.FAILED_PRECONDITION, "this server keeps no templates of its own"));
    }

    /** What a build starts from: a template that was built here, or one of the installation without tree. */
    public Optional<Template> templateToBuildFrom(String nameOrAlias) {
        Optional<Template> built = templates.built(nameOrAlias);
        if (built.isPresent()) {
            return built;
        }
        return templates.find(nameOrAlias).filter(Template::isName).map(base -> Template.installed(base, 0));
    }

    /** The templates of the installation, with their bytes on the disk. */
    public Map<String, Long> installed() {
        return templates.installed();
    }

    /** Changes when a template of the installation is built anew: trees on the old one are of no use then. */
    public String templateVersion(String base) {
        return templates.version(base);
    }

    /** The trees that they are made of. */
    public Trees trees() {
        return trees;
    }

    /**
     * Removes trees that no template, sandbox or snapshot needs, the longest unused first, until all together have at most so many bytes.
     * Not to be called while a template is built: nobody knows its trees yet.
     */
    public List<String> collectTrees(long bytes) {
        zygotes.stopUnless(key -> templates.ofKey(key).isPresent() || factory.needs(key)); // they hold their trees
        List<String> keep = templates().list().stream()
                .flatMap(template -> template.tree().stream())
                .distinct()
                .toList();
        return trees.collect(keep, bytes);
    }

    /** Takes a template away; sandboxes that were made from it go on. False when there was none of that name. */
    public boolean deleteTemplate(String name) {
        Optional<Template> removed = templates().remove(name);
        removed.ifPresent(this::retire);
        return removed.isPresent();
    }

    /** Puts a template in the place of the one of that name; sandboxes that were made from the old one go on. */
    public void putTemplate(Template template) {
        Optional<Template> before = templates().find(template.name());
        templates().put(template);
        before.filter(old -> !old.key().equals(template.key())).ifPresent(this::retire);
    }

    private void retire(Template old) {
        if (old.tree().isPresent()) {
            pools.drop(old.key());
            zygotes.stop(old.key());
        }
    }

    /** @param origin empty: what is known of its template is its name */
    private Sandbox make(SandboxSpec spec, Optional<Snapshot> snapshot, Optional<Origin> origin) {
        long began = System.nanoTime();
        List<String> layers = snapshot.map(Snapshot::layers).orElse(List.of());
        String template = snapshot.map(Snapshot::template)
                .or(() -> templates.find(spec.template()))
                .orElseThrow(() -> new EngineException(
                        ErrorCode.NOT_FOUND, "template '" + Texts.shorten(spec.template(), 100) + "' not found"));
        Limits wish = spec.limits();
        if (wish != null && !wish.equals(config.defaultLimits())) {
            config.bounds().check(wish);
        }
        if (!places.tryAcquire()) {
            throw new EngineException(
                    ErrorCode.RESOURCE_EXHAUSTED,
                    "all " + config.maxSandboxes()
                            + " sandboxes are in use: end one, or allow more in the configuration");
        }
        FinishedRoom room;
        boolean fromPool;
        try {
            Optional<FinishedRoom> waiting = pooled(template, layers, spec);
            fromPool = waiting.isPresent();
            room = waiting.orElseGet(() -> built(template, layers, spec));
        } catch (RuntimeException e) {
            places.release();
            throw e;
        }
        Sandbox sandbox = Sandbox.begin(room, spec, origin.orElseGet(() -> Origin.of(template)), setting);
        try {
            sandbox.record();
        } catch (EngineException e) {
            factory.destroyQuietly(room.room());
            places.release();
            throw e;
        }
        sandboxes.put(sandbox.id(), sandbox);
        created.incrementAndGet();
        metrics.created(fromPool, System.nanoTime() - began);
        if (room.room().dead()) {
            sandbox.kill(KillCause.ROOM_DIED); // between the build and the put no event found it
            throw new EngineException(ErrorCode.UNAVAILABLE, "the sandbox died while it was made: try again");
        }
        if (condition.get().state() != EngineState.READY) {
            sandbox.kill(KillCause.SHUTDOWN);
            throw unavailable();
        }
        try {
            sandbox.openNetwork();
        } catch (RuntimeException e) {
            sandbox.kill(KillCause.ROOM_DIED);
            throw e;
        }
        return sandbox;
    }

    private Limits limits(SandboxSpec spec) {
        Limits wish = spec.limits();
        return wish == null ? config.defaultLimits() : wish;
    }

    private Optional<FinishedRoom> pooled(String template, List<String> layers, SandboxSpec spec) {
        Limits limits = limits(spec);
        Optional<FinishedRoom> waiting =
                layers.isEmpty() && usualLimits(template).equals(Optional.of(limits))
                        ? pools.take(new Pools.Kind(template, limits))
                        : Optional.empty();
        (waiting.isPresent() ? hits : misses).incrementAndGet();
        return waiting;
    }

    /** Those of a sandbox that asks for none; empty for a template of which no rooms are kept. */
    private Optional<Limits> usualLimits(String template) {
        return template.equals(Templates.DEFAULT)
                ? Optional.of(config.defaultLimits())
                : templates.ofKey(template).map(built -> built.settings().limits(config.defaultLimits()));
    }

    private FinishedRoom built(String template, List<String> layers, SandboxSpec spec) {
        return factory.build(template, layers, limits(spec), config.createTimeout());
    }

    /**
     * Copies the files of a running or frozen sandbox; its memory is not copied. Sandboxes can be made from it for ever, or until it is
     * deleted.
     *
     * @param name empty for none; one that is in use goes over to this snapshot
     */
    public Snapshot snapshot(Sandbox sandbox, String name) {
        Optional<String> checked = Snapshots.checkedName(name);
        Check.argument(
                checked.isEmpty() || templates.find(name).isEmpty(),
                "there is a template '" + name + "': name the snapshot otherwise");
        return sandbox.copy(() -> snapshots.take(sandbox.id(), ids.snapshot(), checked, sandbox.template()));
    }

    /** All snapshots, newest first. */
    public List<Snapshot> snapshots() {
        return snapshots.list();
    }

    /** By id, or the newest of that name. */
    public Optional<Snapshot> findSnapshot(String idOrName) {
        return snapshots.find(idOrName);
    }

    /** No sandbox is made from it any more; those that were keep its files. False when there is none. */
    public boolean deleteSnapshot(String idOrName) {
        return snapshots.delete(idOrName);
    }

    /** Makes {@code count} new sandboxes with the files of one and what was asked for it; each has the timeout. Memory is not copied. */
    public List<Fork> fork(Sandbox sandbox, int count, Duration timeout) {
        Check.range("count", count, 1, MAX_FORKS);
        SandboxSpec spec = sandbox.forkSpec(timeout);
        Snapshot snapshot = sandbox.copy(() -> snapshots.takeForFork(sandbox.id(), ids.snapshot(), sandbox.template()));
        try {
            List<CompletableFuture<Fork>> forks = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                CompletableFuture<Fork> fork = new CompletableFuture<>();
                forks.add(fork);
                Thread.ofVirtual()
                        .name("fork-" + snapshot.id() + "-" + i)
                        .start(() -> fork.complete(forked(spec, snapshot, sandbox.origin())));
            }
            return forks.stream().map(CompletableFuture::join).toList();
        } finally {
            boolean _ = snapshots.drop(snapshot.id());
        }
    }

    private Fork forked(SandboxSpec spec, Snapshot snapshot, Origin origin) {
        try {
            return new Fork.Made(make(spec, Optional.of(snapshot), Optional.of(origin)));
        } catch (EngineException e) {
            return new Fork.Failed(e.code(), e.getMessage());
        } catch (RuntimeException e) {
            LOG.error("A fork of {} failed", snapshot.sandboxId(), e);
            return new Fork.Failed(ErrorCode.INTERNAL, "the fork failed; the log of the service says why");
        }
    }

    private void requireReady() {
        try {
            if (!awaitReady(config.createTimeout())) {
                throw unavailable();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineException(ErrorCode.UNAVAILABLE, "interrupted while the engine starts", e);
        }
    }

    private EngineException unavailable() {
        Condition now = condition.get();
        return new EngineException(ErrorCode.UNAVAILABLE, "no sandboxes can be made: " + now.detail());
    }

    /** A sandbox that is running or paused. */
    public Optional<Sandbox> find(String id) {
        return Optional.ofNullable(sandboxes.get(id));
    }

    /** The running and paused sandboxes, oldest first. */
    public List<Sandbox> list() {
        return sandboxes.values().stream()
                .sorted(Comparator.comparing(Sandbox::startedAt).thenComparing(Sandbox::id))
                .toList();
    }

    public EngineStatus status() {
        Condition now = condition.get();
        return new EngineStatus(
                now.state(),
                now.detail(),
                pools.ready(),
                sandboxes.size(),
                created.get(),
                hits.get(),
                misses.get(),
                notes);
    }

    /** The limits of a sandbox that asks for none. */
    public Limits defaultLimits() {
        return config.defaultLimits();
    }

    /** Those of a sandbox of that template or snapshot that asks for none. */
    public Limits limitsOf(String template) {
        return templates
                .built(template)
                .or(() -> snapshots.find(template).flatMap(snapshot -> templates.built(snapshot.origin())))
                .map(built -> built.settings().limits(config.defaultLimits()))
                .orElse(config.defaultLimits());
    }

    /** The operator's rules for the network, and what the proxies of all sandboxes have done. */
    public Egress egress() {
        return egress;
    }

    /** Whether sandboxes can be made from the template of this name or alias, or the snapshot of this id or name. */
    public boolean hasTemplate(String name) {
        return templates.find(name).isPresent() || snapshots.find(name).isPresent();
    }

    /** Ends all sandboxes, and roomd with them; of paused ones the files stay for the next engine. */
    @Override
    public void close() {
        become(EngineState.CLOSED, "the engine was closed");
        started.countDown();
        expiry.interrupt();
        sampler.close();
        together(sandboxes.values(), sandbox -> {
            if (!sandbox.leave()) { // without roomd for that reason: then its disk is kept all the same
                boolean _ = sandbox.kill(roomd.isGone() ? KillCause.ENGINE_FAILED : KillCause.SHUTDOWN);
            }
        });
        pools.close();
        egress.close();
        leave();
        roomd.close();
        timers.close();
    }

    /** Without this roomd would wait for the next engine. */
    private void leave() {
        try {
            var _ = roomd.call("shutdown", Json.object(), HELLO);
        } catch (EngineException e) {
            LOG.debug("roomd was not told to end: {}", e.getMessage());
        }
    }

    private void expire() {
        while (!Thread.currentThread().isInterrupted()) {
            pools.tend();
            Instant now = clock.instant();
            Instant tooLong = now.minus(config.keeping().pausedAge());
            Duration nap = LONGEST_NAP;
            for (Sandbox sandbox : sandboxes.values()) {
                Optional<KillCause> cause = sandbox.overBecause(now);
                if (cause.isPresent()) {
                    Thread.ofVirtual().name("expire-" + sandbox.id()).start(() -> sandbox.timeIsOver(cause.get()));
                } else if (sandbox.isPausedSinceBefore(tooLong)) {
                    Thread.ofVirtual()
                            .name("expire-" + sandbox.id())
                            .start(() -> sandbox.endIfPausedSinceBefore(tooLong));
                } else if (sandbox.state() == SandboxState.RUNNING) {
                    Duration left = Duration.between(now, sandbox.endAt());
                    nap = left.isPositive() && left.compareTo(nap) < 0 ? left : nap;
                    sandbox.recordIfMissed();
                }
            }
            try {
                Thread.sleep(nap.plusMillis(1));
            } catch (InterruptedException _) {
                return; // closed
            }
        }
    }

    private static void killAll(Collection<Sandbox> all, KillCause cause) {
        together(all, sandbox -> {
            boolean _ = sandbox.kill(cause);
        });
    }

    private static void together(Collection<Sandbox> all, Consumer<Sandbox> end) {
        List<Thread> threads = new ArrayList<>();
        for (Sandbox sandbox : all) {
            threads.add(Thread.ofVirtual().name("end-" + sandbox.id()).start(() -> end.accept(sandbox)));
        }
        for (Thread thread : threads) {
            try {
                thread.join(Room.ROOMD_WAIT.plusSeconds(5));
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    private final class Keeper implements Sandbox.Keeper {
        @Override
        public void ending(Sandbox sandbox) {
            sandboxes.remove(sandbox.id(), sandbox);
        }

        @Override
        public void ended(Sandbox sandbox) {
            factory.forget(sandbox.room());
            sandbox.killCause().ifPresent(metrics::sandboxEnded);
            if (!sandbox.isStored()) {
                places.release();
            }
        }

        @Override
        public void pausing(Sandbox sandbox) {
            long paused = sandboxes.values().stream()
                    .filter(each -> each.state() == SandboxState.PAUSED)
                    .count();
            if (paused >= config.keeping().maxPaused()) {
                throw new EngineException(
                        ErrorCode.RESOURCE_EXHAUSTED,
                        paused + " sandboxes are paused, the most that this server keeps: resume or kill one");
            }
        }

        @Override
        public boolean keepsDisks() {
            return keepsDisks;
        }

        @Override
        public void stored(Sandbox sandbox) {
            places.release();
        }

        @Override
        public void resuming(Sandbox sandbox) {
            if (!places.tryAcquire()) {
                throw new EngineException(
                        ErrorCode.RESOURCE_EXHAUSTED,
                        "all " + config.maxSandboxes() + " sandboxes are in use: end one, then resume this one");
            }
        }
    }

    /** Runs on the thread that reads roomd's socket: whatever asks roomd again is started on a thread of its own. */
    private final class Events implements RoomdEvents {
        @Override
        public void guestExited(String id, String name, GuestExit exit) {
            Room room = room(id);
            if (room != null) {
                LOG.debug("Sandbox {}: guest {} ended: {}", id, name, exit.text());
                room.guestExited(name, exit);
                if (!sandboxes.containsKey(id)) {
                    Thread.ofVirtual().name("pool-died").start(() -> pools.died(room));
                }
            }
        }

        @Override
        public void roomExited(String id) {
            Room room = room(id);
            if (room != null) {
                room.markDead();
                Thread.ofVirtual().name("room-died-" + id).start(() -> roomDied(room));
            }
        }

        private void roomDied(Room room) {
            Sandbox sandbox = sandboxes.get(room.id());
            if (sandbox == null) {
                pools.died(room);
            } else {
                sandbox.kill(KillCause.ROOM_DIED);
            }
        }

        @Override
        public void outOfMemory(String id, long kills) {
            Room room = room(id);
            if (room != null) {
                room.outOfMemory(kills);
            }
        }

        @Override
        public void answered(String op, boolean ok, long nanos) {
            metrics.roomdAnswered(op, ok, nanos);
        }

        @Override
        public void zygoteExited(String template) {
            zygotes.exited(template);
            if (!template.equals(Templates.DEFAULT)) {
                LOG.info("The zygote of template {} ended; another is started when it is needed", template);
                return;
            }
            LOG.warn("The zygote of template {} ended; another is started", template);
            Thread.ofVirtual().name("zygote-restart").start(() -> restart(template));
        }

        private void restart(String template) {
            try {
                zygotes.ensure(template);
            } catch (EngineException e) {
                LOG.error("The zygote of template {} does not start: {}", template, e.getMessage());
            }
        }

        @Override
        public void roomdGone(EngineException cause) {
            become(EngineState.FAILED, "roomd is gone: restart the service");
            started.countDown();
            Thread.ofVirtual().name("engine-failed").start(() -> killAll(sandboxes.values(), KillCause.ENGINE_FAILED));
        }

        private @Nullable Room room(String id) {
            return factory.find(id).orElse(null);
        }
    }
}
