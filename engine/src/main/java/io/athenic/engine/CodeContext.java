package io.athenic.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.engine.KernelStream.Durability;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An interpreter with state in a sandbox. Executions run one at a time in the order they came; the order is kept by the kernel. A kernel
 * that died is replaced at the next execution: the context keeps its id, its state is lost, and {@link #restarts} has grown.
 */
public final class CodeContext {
    static final String HOME = "/home/user";

    /** Waiting for the news of a kernel's end, which come on another socket than its silence. Without them nobody can say why it ended. */
    private static final Duration NEWS = Duration.ofSeconds(5);

    private static final Logger LOG = LoggerFactory.getLogger(CodeContext.class);

    private final String id;
    private final String language;
    private final String cwd;
    private final Room room;
    private final Map<String, String> env;
    private final Runnable usable;
    private final Runnable changed;
    private final GuestSlot slot;
    private final Map<Guest, KernelEvent.Failed> endings = new ConcurrentHashMap<>();
    /** In the order in which they reached the kernel. */
    private final Queue<KernelStream> running = new ConcurrentLinkedQueue<>();

    private volatile @Nullable Guest withoutEnvironment;
    private volatile @Nullable String sandboxEnded;

    /**
     * @param usable throws when the sandbox takes no operations now
     * @param changed called when its {@link #record} is another one
     */
    CodeContext(
            String id,
            String language,
            String cwd,
            Room room,
            Map<String, String> env,
            Runnable usable,
            Runnable changed) {
        this.id = id;
        this.language = language;
        this.cwd = cwd;
        this.room = room;
        this.env = env;
        this.usable = usable;
        this.changed = changed;
        this.slot = new GuestSlot(room, language, cwd, () -> env, changed);
    }

    /** Takes the kernel that was warmed in the pool. */
    void adopt(Guest kernel) {
        withoutEnvironment = kernel;
        slot.adopt(kernel);
    }

    /** Takes the kernel of an engine before this one, if it still lives. */
    void restore(@Nullable Guest kernel, SandboxRecord.Context record) {
        withoutEnvironment = record.environmentGiven() ? null : kernel;
        slot.restore(kernel, record.starts());
    }

    SandboxRecord.Context record(boolean standard) {
        Guest kernel = slot.current();
        return new SandboxRecord.Context(
                id,
                language,
                cwd,
                standard,
                kernel == null ? null : kernel.name(),
                slot.starts(),
                kernel == null || kernel != withoutEnvironment);
    }

    public String id() {
        return id;
    }

    /** {@code python}, {@code javascript} or {@code bash}. */
    public String language() {
        return language;
    }

    public String cwd() {
        return cwd;
    }

    /** How often the state was lost: by a restart, by a kernel that died or had to be ended. */
    public int restarts() {
        return Math.max(0, slot.starts() - 1);
    }

    /** Starts the kernel now instead of at the first execution. */
    void start() {
        slot.get();
    }

    /**
     * Runs code after all that was given before.
     *
     * @param variables set for this execution only
     */
    public CodeStream execute(String code, Map<String, String> variables) {
        return execute(code, variables, null);
    }

    /**
     * As {@link #execute(String, Map)}.
     *
     * @param executionId makes the execution durable: it outlives its stream and this engine, and {@link #attach} follows it again. Letters,
     *     digits, hyphens, at most 64
     */
    public CodeStream execute(String code, Map<String, String> variables, @Nullable String executionId) {
        Check.environment("env", variables);
        usable.run();
        ObjectNode request = Json.object().put("op", "execute").put("code", code);
        if (executionId != null) {
            request.put("execution", executionId);
        }
        if (!variables.isEmpty()) {
            request.set("env", Json.stringMap(variables));
        }
        Guest kernel = slot.get();
        long oomKills = room.oomKills();
        GuestConnection connection;
        try {
            giveEnvironment(kernel);
            connection = room.connect(kernel);
        } catch (EngineException e) {
            if (e.code() != ErrorCode.UNAVAILABLE || !kernel.endsWithin(NEWS)) {
                throw e;
            }
            kernel = slot.get(); // it had died, and the news came after our look
            connection = room.connect(kernel);
        }
        try (GuestConnection.Deadline _ = connection.deadline(Duration.ofSeconds(30))) {
            connection.send(request);
        } catch (IOException e) {
            connection.close();
            throw connection.gone(e);
        } catch (RuntimeException e) {
            connection.close();
            throw e;
        }
        return follow(connection, kernel, oomKills, new Durability(executionId != null, 0));
    }

    /**
     * Follows a durable execution again, which may have been begun by an engine before this one.
     *
     * @param after its {@link CodeStream#position} up to which it is known
     * @throws EngineException NOT_FOUND: the kernel does not know it (any more); FAILED_PRECONDITION: what comes next is not kept
     */
    public CodeStream attach(String executionId, long after) {
        usable.run();
        Guest kernel = living(executionId);
        long oomKills = room.oomKills();
        GuestConnection connection = room.connect(kernel);
        try (GuestConnection.Deadline _ = connection.deadline(Duration.ofSeconds(30))) {
            connection.send(Json.object()
                    .put("op", "attach")
                    .put("execution", executionId)
                    .put("after", after));
            var _ = connection.answer(Duration.ofSeconds(30));
        } catch (IOException e) {
            connection.close();
            throw connection.gone(e);
        } catch (RuntimeException e) {
            connection.close();
            throw e;
        }
        return follow(connection, kernel, oomKills, new Durability(true, after));
    }

    /**
     * The events of a durable execution up to this position are kept safely; for one that has no stream now.
     *
     * @throws EngineException NOT_FOUND
     */
    public void acknowledge(String executionId, long position) {
        room.connect(living(executionId))
                .call(
                        Json.object()
                                .put("op", "ack")
                                .put("execution", executionId)
                                .put("frames", position),
                        Duration.ofSeconds(30));
    }

    private Guest living(String executionId) {
        Guest kernel = slot.current();
        if (kernel == null) {
            throw new EngineException(ErrorCode.NOT_FOUND, "this context has no execution " + executionId);
        }
        return kernel;
    }

    /** A kernel of the pool was started before there was an environment. Two callers that meet set the same. */
    private void giveEnvironment(Guest kernel) {
        if (kernel == withoutEnvironment && !env.isEmpty()) {
            ObjectNode request = Json.object().put("op", "env.set");
            request.set("env", Json.stringMap(env));
            room.connect(kernel).call(request, Duration.ofSeconds(30));
            withoutEnvironment = null;
            changed.run();
        }
    }

    private CodeStream follow(GuestConnection connection, Guest kernel, long oomKills, Durability durability) {
        KernelStream stream = new KernelStream(
                connection,
                room.timers(),
                durability,
                room.memory().new Share(),
                new CellWatch(room, oomKills),
                () -> ending(kernel, oomKills),
                () -> Thread.ofVirtual().name("stuck-" + room.id()).start(() -> endStuck(kernel)),
                ended -> {
                    running.remove(ended);
                    promoteFirst();
                });
        running.add(stream);
        promoteFirst();
        stream.begin("execution-" + room.id() + "-" + id);
        return stream;
    }

    private void promoteFirst() {
        KernelStream first = running.peek();
        if (first != null) {
            first.promote();
        }
    }

    /** Interrupts the code that runs and what waits behind it; their streams deliver the end. */
    public void interrupt() {
        List.copyOf(running).forEach(CodeStream::interrupt);
    }

    /** Ends the kernel; running code fails with {@code ContextRestarting}. */
    void restart() {
        end(
                slot.current(),
                new KernelEvent.Failed("ContextRestarting", "the context was restarted: its state is lost", ""));
        slot.get();
    }

    void remove() {
        slot.close("context " + id + " was removed");
        end(slot.current(), new KernelEvent.Failed("ExecutionAborted", "the context was removed", ""));
    }

    /** The sandbox has ended: nothing is started any more, and what runs ends with the room. */
    void close(String because) {
        sandboxEnded = because;
        slot.close(because);
    }

    private void endStuck(Guest kernel) {
        LOG.info("Sandbox {}: context {} ignored an interrupt; its kernel is ended", room.id(), id);
        end(
                kernel,
                new KernelEvent.Failed(
                        "ExecutionAborted",
                        "the code ignored the interrupt and was ended: the state of the context is lost",
                        ""));
    }

    private void end(@Nullable Guest kernel, KernelEvent.Failed reason) {
        if (kernel == null) {
            return;
        }
        endings.putIfAbsent(kernel, reason);
        try {
            slot.kill(kernel, Duration.ofSeconds(10));
        } catch (EngineException e) {
            LOG.warn("Sandbox {}: the kernel of context {} could not be ended: {}", room.id(), id, e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Why a kernel is gone, in words for the user. */
    private KernelEvent.Failed ending(Guest kernel, long oomKillsBefore) {
        String value;
        String over = sandboxEnded;
        if (over != null) {
            return new KernelEvent.Failed("UnexpectedEndOfExecution", over, "");
        }
        try {
            GuestExit exit = kernel.awaitExit(NEWS).orElse(null);
            KernelEvent.Failed known = endings.get(kernel);
            if (known != null) {
                return known;
            }
            if (room.dead()) {
                value = "the sandbox has ended";
            } else if (exit == null) {
                value = "the kernel broke off the execution";
            } else if (exit instanceof GuestExit.Signal(int signal)
                    && signal == 9
                    && room.outOfMemorySince(oomKillsBefore)) {
                value = "the kernel was killed because the memory of the sandbox ("
                        + (room.limits().memoryBytes() >> 20)
                        + " MiB) was used up: out of memory. The state of the context is lost";
            } else {
                value = "the kernel died: " + exit.text() + ". The state of the context is lost";
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            value = "the kernel died";
        }
        return new KernelEvent.Failed("UnexpectedEndOfExecution", value, "");
    }
}
