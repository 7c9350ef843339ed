package io.athenic.engine.template;

import io.athenic.engine.Engine;
import io.athenic.engine.EngineException;
import io.athenic.engine.ErrorCode;
import io.athenic.engine.Template;
import io.athenic.engine.Tree;
import java.time.Duration;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Builds templates, one at a time. The last 100 builds are remembered. */
public final class TemplateBuilder implements AutoCloseable {
    /** A template of the installation that the launcher makes when a definition first asks for it. */
    private static final String DEBIAN = "debian";

    private static final int MAX_WAITING = 16;

    /** What sandboxes and snapshots stood on is free when they have ended: nobody says so. */
    private static final Duration BETWEEN_COLLECTIONS = Duration.ofMinutes(10);

    private static final int MAX_REMEMBERED = 100;
    private static final Logger LOG = LoggerFactory.getLogger(TemplateBuilder.class);

    private final Engine engine;
    private final CopiedFiles files;
    private final long treeBytes;
    private final InstantSource clock;
    private final Map<String, TemplateBuild> builds = new LinkedHashMap<>();
    private final Thread collector = Thread.ofVirtual().name("template-collect").unstarted(this::collectAtTimes);
    private final ThreadPoolExecutor worker = new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(MAX_WAITING),
            Thread.ofVirtual().name("template-build-", 1).factory());

    /** All trees together take at most {@code treeBytes} on the disk; the longest unused go. */
    public TemplateBuilder(Engine engine, CopiedFiles files, long treeBytes, InstantSource clock) {
        this.engine = engine;
        this.files = files;
        this.treeBytes = treeBytes;
        this.clock = clock;
        collector.start();
    }

    public CopiedFiles files() {
        return files;
    }

    /** What all trees together may take on the disk. */
    public long treeBytes() {
        return treeBytes;
    }

    /** Announces a build; nothing is done yet. The limits are of the template's sandboxes, 0: the usual. */
    public TemplateBuild announce(String name, int cpuMillis, long memoryBytes, long diskBytes) {
        var build = new TemplateBuild(UUID.randomUUID().toString(), name, cpuMillis, memoryBytes, diskBytes, clock);
        synchronized (builds) {
            builds.values().removeIf(each -> each.ended() && builds.size() >= MAX_REMEMBERED);
            if (builds.size() >= 2 * MAX_REMEMBERED) {
                builds.remove(builds.keySet().iterator().next()); // announced and never started
            }
            builds.put(build.id(), build);
        }
        return build;
    }

    public Optional<TemplateBuild> find(String id) {
        synchronized (builds) {
            return Optional.ofNullable(builds.get(id));
        }
    }

    /** Starts a build that was announced; its log and state tell the rest. */
    public void start(TemplateBuild build, BuildRequest request) {
        if (request.steps().size() > BuildRequest.MAX_STEPS) {
            throw new EngineException(
                    ErrorCode.INVALID_ARGUMENT,
                    "a template has at most " + BuildRequest.MAX_STEPS + " steps: join some");
        }
        Template from = engine.templateToBuildFrom(request.from())
                .orElseThrow(() -> new EngineException(
                        ErrorCode.NOT_FOUND,
                        "there is no template '" + request.from()
                                + "' to build from: use code-interpreter, or build it first"
                                + (request.from().equals(DEBIAN)
                                        ? ", by ./athenic template build with a definition that starts from it"
                                        : "")));
        if (!build.begin()) {
            throw new EngineException(ErrorCode.FAILED_PRECONDITION, "build " + build.id() + " was started before");
        }
        try {
            worker.execute(() -> run(build, request, from));
        } catch (RejectedExecutionException e) {
            build.failed(new TemplateBuild.Failure("too many builds are waiting: try again later", "base"));
            throw new EngineException(
                    ErrorCode.RESOURCE_EXHAUSTED, MAX_WAITING + " builds are waiting: try again when one is done", e);
        }
    }

    private void run(TemplateBuild build, BuildRequest request, Template from) {
        try {
            build.building();
            Template made = new OneBuild(engine, files, build, request, from, clock).run();
            engine.putTemplate(made);
            collect();
            build.ready();
        } catch (StepFailure e) {
            build.failed(new TemplateBuild.Failure(String.valueOf(e.getMessage()), e.step()));
        } catch (EngineException e) {
            build.failed(new TemplateBuild.Failure(String.valueOf(e.getMessage()), "finalize"));
        } catch (RuntimeException e) {
            LOG.error("Build {} of template {} failed", build.id(), build.name(), e);
            build.failed(new TemplateBuild.Failure("internal error: the server's log has the details", "finalize"));
        }
    }

    /** Takes a template away, and trees that are too many then. False when there was none of that name. */
    public boolean delete(String name) {
        if (!engine.deleteTemplate(name)) {
            return false;
        }
        collectSoon();
        return true;
    }

    private void collectSoon() {
        try {
            worker.execute(this::collect);
        } catch (RejectedExecutionException _) {
            // the builds that wait collect at their ends
        }
    }

    private void collectAtTimes() {
        try {
            while (true) {
                Thread.sleep(BETWEEN_COLLECTIONS);
                collectSoon();
            }
        } catch (InterruptedException _) {
            // closed
        }
    }

    /** Removes trees that are too many. Not to be called while a build is under way. */
    void collect() {
        try {
            List<String> removed = engine.collectTrees(treeBytes);
            if (!removed.isEmpty()) {
                LOG.info(
                        "{} trees were removed: all together are to take at most {} MiB",
                        removed.size(),
                        treeBytes >> 20);
            }
        } catch (EngineException e) {
            LOG.warn("The trees of templates could not be collected: {}", e.getMessage());
        }
    }

    /** What all trees take on the disk; those that they share are counted once. */
    public long usedBytes() {
        return engine.trees().list().stream().mapToLong(Tree::ownBytes).sum();
    }

    /** Ends the build that is under way. */
    @Override
    public void close() {
        collector.interrupt();
        worker.shutdownNow();
        try {
            if (!worker.awaitTermination(30, TimeUnit.SECONDS)) {
                LOG.warn("A template's build does not end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
