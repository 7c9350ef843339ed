package io.athenic.execution;

import io.athenic.e2b.E2bClient;
import io.athenic.e2b.Files;
import io.athenic.e2b.Sandbox;
import io.athenic.e2b.protocol.E2b;
import io.athenic.execution.Execution.StopReason;
import io.athenic.execution.Sandboxes.Owner;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs code in sandboxes and keeps what came out for a while. One virtual thread per execution; safe for many threads. Methods block for
 * as long as E2B takes to answer; they throw {@link ApiException}.
 */
public final class ExecutionService implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ExecutionService.class);

    /** A sandbox outlives the timeout of its execution by this, so that stopping is ours to do. */
    private static final Duration SANDBOX_MARGIN = Duration.ofMinutes(2);

    private static final Duration PRUNE_INTERVAL = Duration.ofSeconds(30);
    private static final Duration SHUTDOWN_WAIT = Duration.ofSeconds(10);

    private final ExecutionConfig config;
    private final InstantSource clock;
    private final ExecutionRecords records;
    private final ExecutionStore store;
    private final Sandboxes sandboxes;

    /** The sandboxes made for one execution each: nobody else gets in, who would have it closed under him. */
    private final Set<String> ofOne = ConcurrentHashMap.newKeySet();

    private final ContextTurns turns = new ContextTurns();
    private final Stopper stopper;
    private final Semaphore slots;
    private final AtomicLong ordinals = new AtomicLong();
    private final Thread janitor;
    private final List<Execution> unfinished = new ArrayList<>();
    private volatile boolean closed;

    /**
     * Prepares the folder and finds the executions of an earlier life; nothing runs yet.
     *
     * @param client stays the caller's: it is not closed with the service
     */
    public ExecutionService(E2bClient client, ExecutionConfig config, InstantSource clock) {
        this.config = config;
        this.clock = clock;
        this.records = new ExecutionRecords(config.spillFolder());
        this.store = new ExecutionStore(config, records);
        this.stopper = new Stopper(config.stopGrace());
        this.slots = new Semaphore(config.maxConcurrent());
        prepare(config.spillFolder());
        this.sandboxes = new Sandboxes(client, config.sandboxTimeout(), Installation.of(config.spillFolder()));
        restore();
        this.janitor = Thread.ofVirtual().name("execution-janitor").start(this::pruneForEver);
    }

    /**
     * Finds or makes the sandbox and starts the code in it; returns when it has begun, not when it ends.
     *
     * @throws ApiException the sandbox is unknown, the client is busy, there are too many executions, or no sandbox can be had
     */
    public Execution start(ExecutionRequest request) {
        if (closed) {
            throw new ApiException(ErrorCode.SANDBOX_UNAVAILABLE, "The service is shutting down: try again later.");
        }
        if (!slots.tryAcquire()) {
            throw new ApiException(
                    ErrorCode.OVERLOADED,
                    config.maxConcurrent() + " executions run already: wait for one to end, or cancel one.");
        }
        boolean running = false;
        try {
            String id = UUID.randomUUID().toString();
            EventLog log = request.clientId() == null
                    ? new EventLog(id, config.spillFolder(), config.logLimits(), clock)
                    : EventLog.durable(id, config.spillFolder(), config.logLimits(), clock);
            var execution = new Execution(id, ordinals.incrementAndGet(), request, log, clock);
            store.add(execution);
            Sandbox sandbox = sandboxFor(execution);
            execution.setSandboxId(sandbox.id());
            records.save(execution);
            Thread.ofVirtual().name("execution-" + id).start(() -> run(execution, sandbox));
            running = true;
            return execution;
        } finally {
            if (!running) {
                slots.release();
            }
        }
    }

    /**
     * Goes on with the executions that the end of an earlier life cut off, each on a thread of its own: those whose sandbox still has them
     * are followed where their log ends; the others end with an error that says so. To be called once, when sandboxes can be reached.
     */
    public void resume() {
        Set<String> inUse = new HashSet<>();
        unfinished.forEach(execution -> execution.sandboxId().ifPresent(inUse::add));
        Thread.ofVirtual().name("execution-sandboxes").start(() -> closeLeft(inUse));
        unfinished.stream()
                .filter(execution -> !execution.request().sandboxStays())
                .forEach(execution -> execution.sandboxId().ifPresent(ofOne::add));
        for (Execution execution : unfinished) {
            if (!slots.tryAcquire()) {
                cutOff(execution, "there are too many executions");
                continue;
            }
            Thread.ofVirtual().name("execution-" + execution.id()).start(() -> resume(execution));
        }
        unfinished.clear();
    }

    /** Of executions that nobody can come back for the sandboxes are of no use. */
    private void closeLeft(Set<String> inUse) {
        try {
            for (String sandboxId : sandboxes.leftByExecutions()) {
                if (!inUse.contains(sandboxId)) {
                    boolean closed = sandboxes.close(sandboxId);
                    LOG.info("sandbox {} of an execution that ended with the server is closed: {}", sandboxId, closed);
                }
            }
        } catch (ApiException e) {
            LOG.warn("sandboxes that the server left could not be closed, their timeouts will: {}", e.getMessage());
        }
    }

    private void resume(Execution execution) {
        try {
            String sandboxId = execution.sandboxId().orElseThrow();
            Duration lifetime = execution.timeLeft().plus(SANDBOX_MARGIN);
            run(execution, sandboxes.connect(sandboxId, lifetime.plus(ExecutionRun.LONGEST_WAIT)));
        } catch (ApiException e) {
            slots.release();
            cutOff(execution, String.valueOf(e.getMessage()));
        }
    }

    private void cutOff(Execution execution, String why) {
        String message = "The server was restarted while this ran, and it cannot be followed any more: " + why;
        execution.end(ExecutionStatus.ERROR, message, new ExecutionEvent.Failed(message, null, null, null));
        records.save(execution);
    }

    private void restore() {
        for (ExecutionRecord record : records.load()) {
            try {
                var log = EventLog.recover(record.id(), config.spillFolder(), config.logLimits(), clock);
                var execution = new Execution(record.asEnded(log), log, clock);
                store.restore(execution);
                ordinals.accumulateAndGet(record.ordinal(), Math::max);
                if (!execution.status().isFinal()) {
                    unfinished.add(execution);
                }
            } catch (ApiException | IllegalArgumentException e) {
                LOG.warn("execution {}: its record makes no sense and is deleted: {}", record.id(), e.getMessage());
                records.delete(record.id());
            }
        }
    }

    public Optional<Execution> find(String executionId) {
        return store.find(executionId);
    }

    /** Asks for a stop, which is seen in the execution's events. False if there is nothing (more) to stop. */
    public boolean cancel(String executionId, CancelCause cause) {
        return store.find(executionId)
                .map(execution -> execution.stop(new StopReason.Cancelled(cause)))
                .orElse(false);
    }

    /** A sandbox for a thread of the chat: it is listed, but not closed by clearing up. */
    public String createSandbox(String template, Duration lifetime) {
        return sandboxes.create(template, lifetime, Owner.THREAD).id();
    }

    /** As {@link #createSandbox(String, Duration)}, with the code interpreter's template and the usual lifetime. */
    public String createSandbox() {
        return createSandbox(E2b.CODE_TEMPLATE, config.sandboxTimeout());
    }

    /** Cancels what runs in a sandbox and ends it; false if there is none of that id. */
    public boolean closeSandbox(String sandboxId) {
        for (Execution execution : store.running()) {
            if (execution.sandboxId().filter(sandboxId::equals).isPresent()) {
                boolean ignored = execution.stop(new StopReason.Cancelled(CancelCause.SANDBOX_CLOSED));
            }
        }
        return sandboxes.close(sandboxId);
    }

    public boolean isAlive(String sandboxId) {
        return sandboxes.isAlive(sandboxId);
    }

    /** Lets a sandbox live for the usual time from now at least. */
    public void keepAlive(String sandboxId) {
        Object ignored = sandboxes.connect(sandboxId, config.sandboxTimeout());
    }

    /** The files of a sandbox, which lives on for the usual time at least. */
    public Files files(String sandboxId) {
        return sandboxes.connect(sandboxId, config.sandboxTimeout()).files();
    }

    /** What clients connect to for an execution's events: {@code ws://host:port}. */
    public String webSocketUrl() {
        return config.webSocketUrl();
    }

    /** Cancels all, waits for it, and forgets all. Sandboxes that are kept live on until their time is over. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        janitor.interrupt();
        List<Execution> running = store.running();
        running.forEach(execution -> execution.stop(new StopReason.Cancelled(CancelCause.SHUTDOWN)));
        long deadline = System.nanoTime() + SHUTDOWN_WAIT.toNanos();
        try {
            boolean ignored = slots.tryAcquire(
                    config.maxConcurrent(),
                    Math.max(0, deadline - System.nanoTime()),
                    java.util.concurrent.TimeUnit.NANOSECONDS);
            janitor.join(Duration.ofSeconds(1));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        store.clear();
    }

    Sandboxes sandboxes() {
        return sandboxes;
    }

    ExecutionStore store() {
        return store;
    }

    ExecutionConfig config() {
        return config;
    }

    InstantSource clock() {
        return clock;
    }

    private Sandbox sandboxFor(Execution execution) {
        ExecutionRequest request = execution.request();
        String given = request.sandboxId();
        Duration lifetime = request.timeout().plus(SANDBOX_MARGIN);
        try {
            if (given != null) {
                execution.starting("Connecting to sandbox " + given);
                if (ofOne.contains(given)) {
                    throw ApiException.sandboxOfOne(given);
                }
                return sandboxes.connect(given, lifetime.plus(ExecutionRun.LONGEST_WAIT));
            }
            execution.starting("Starting a sandbox");
            if (request.keepSandbox()) {
                Duration longest = lifetime.compareTo(config.sandboxTimeout()) > 0 ? lifetime : config.sandboxTimeout();
                return sandboxes.create(E2b.CODE_TEMPLATE, longest, Owner.ENDPOINT);
            }
            Sandbox own = sandboxes.create(E2b.CODE_TEMPLATE, lifetime, Owner.EXECUTION);
            ofOne.add(own.id());
            return own;
        } catch (RuntimeException e) {
            String message = e instanceof ApiException ? String.valueOf(e.getMessage()) : "No sandbox could be started";
            execution.end(ExecutionStatus.ERROR, message, new ExecutionEvent.Failed(message, null, null, null));
            throw e;
        }
    }

    private void run(Execution execution, Sandbox sandbox) {
        boolean stays = execution.request().sandboxStays();
        try {
            new ExecutionRun(execution, sandbox, stays, turns, stopper, records::save).run();
        } catch (RuntimeException e) {
            LOG.error("execution {} failed by our fault", execution.id(), e);
            String message = "The execution failed by a fault of the service; its log has the id " + execution.id();
            execution.end(ExecutionStatus.ERROR, message, new ExecutionEvent.Failed(message, null, null, null));
        } finally {
            records.save(execution);
            if (!stays) {
                Stopper.kill(sandbox);
                ofOne.remove(sandbox.id());
            }
            slots.release();
            store.prune(clock.instant());
        }
    }

    private void pruneForEver() {
        try {
            while (!closed) {
                Thread.sleep(PRUNE_INTERVAL);
                store.prune(clock.instant());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void prepare(Path folder) {
        try {
            java.nio.file.Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException("the folder for logs of executions cannot be used: " + folder, e);
        }
    }
}
