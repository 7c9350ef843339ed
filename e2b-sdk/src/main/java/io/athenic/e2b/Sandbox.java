package io.athenic.e2b;

import io.athenic.e2b.protocol.SandboxDetail;
import io.athenic.e2b.protocol.SnapshotInfo;
import java.time.Duration;
import java.util.List;

/**
 * A sandbox: the room a user's code runs in. It lives until its time is over, or it is killed. Safe for many threads.
 *
 * <p>{@link #close()} kills it, for use in try-with-resources; a sandbox that shall live on is simply not closed: the object holds
 * nothing by itself.
 */
public final class Sandbox implements AutoCloseable {
    private final E2bClient client;
    private final SandboxLink link;
    private final Commands commands;
    private final Files files;
    private final CodeInterpreter code;

    Sandbox(E2bClient client, SandboxLink link) {
        this.client = client;
        this.link = link;
        this.commands = new Commands(link);
        this.files = new Files(link);
        this.code = new CodeInterpreter(link, link.http().requestTimeout());
    }

    public String id() {
        return link.id();
    }

    public Commands commands() {
        return commands;
    }

    public Files files() {
        return files;
    }

    public CodeInterpreter code() {
        return code;
    }

    public boolean isRunning() {
        return link.isRunning();
    }

    /** Sets the time that is left, from now; it may shorten. */
    public void setTimeout(Duration timeout) {
        client.setTimeout(id(), timeout);
    }

    public SandboxDetail getInfo() {
        return client.getInfo(id());
    }

    /**
     * Stops it; {@link #resume} lets it go on.
     *
     * @param memory whether its processes are to go on then; without, its files stay and its processes end
     * @return false if it was paused already
     */
    public boolean pause(boolean memory) {
        return client.pause(id(), memory);
    }

    /** As {@link #pause(boolean)} with its memory. */
    public boolean pause() {
        return pause(true);
    }

    /** Lets it go on, for {@code timeout} from now; a running one lives at least that long. */
    public void resume(Duration timeout) {
        Sandbox ignored = client.connect(id(), timeout);
    }

    /** Copies its files, without a name. */
    public SnapshotInfo createSnapshot() {
        return createSnapshot("");
    }

    /** Copies its files; {@link E2bClient#create} takes the snapshot's id or name as template. */
    public SnapshotInfo createSnapshot(String name) {
        return client.createSnapshot(id(), name);
    }

    /** Makes copies of it that live for {@code timeout}. */
    public List<Fork> fork(int count, Duration timeout) {
        return client.fork(id(), count, timeout);
    }

    /** Ends the sandbox and all that runs in it; false if it was gone already. */
    public boolean kill() {
        return client.kill(id());
    }

    @Override
    public void close() {
        boolean ignored = kill();
    }
}
