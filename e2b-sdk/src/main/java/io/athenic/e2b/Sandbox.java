package io.athenic.e2b;

import io.athenic.e2b.protocol.SandboxDetail;
import java.time.Duration;

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

    /** Ends the sandbox and all that runs in it; false if it was gone already. */
    public boolean kill() {
        return client.kill(id());
    }

    @Override
    public void close() {
        boolean ignored = kill();
    }
}
