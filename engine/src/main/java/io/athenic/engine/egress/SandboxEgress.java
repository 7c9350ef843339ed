package io.athenic.engine.egress;

import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The proxy of one sandbox. */
public final class SandboxEgress implements AutoCloseable {
    /** Connections opened into the room ahead of a program that connects: while one is taken, another stands ready. */
    private static final int WAITING = 2;

    private static final int LOOKUPS = 4;
    private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);
    private static final Logger LOG = LoggerFactory.getLogger(SandboxEgress.class);

    private final Egress egress;
    private final String sandbox;
    private final Door door;
    private final EventLog log;
    private final Semaphore places;

    /** Names that are being resolved: slow ones of one sandbox leave threads to the others. */
    private final Semaphore lookups = new Semaphore(LOOKUPS, true);

    private final Set<Flow> flows = ConcurrentHashMap.newKeySet();
    private final List<Thread> acceptors = new ArrayList<>();
    private volatile NetworkPolicy policy;
    private volatile boolean closed;

    SandboxEgress(Egress egress, String sandbox, Door door, NetworkPolicy policy, EventLog log) {
        this.egress = egress;
        this.sandbox = sandbox;
        this.door = door;
        this.policy = policy;
        this.log = log;
        this.places = new Semaphore(egress.config().connections());
        for (int i = 1; i <= WAITING; i++) {
            acceptors.add(Thread.ofVirtual()
                    .name("egress-" + sandbox + "-accept-" + i)
                    .start(this::accept));
        }
    }

    private void accept() {
        Duration pause = FIRST_PAUSE;
        try {
            while (!closed) {
                places.acquire();
                Wire wire;
                try {
                    wire = door.accept();
                    pause = FIRST_PAUSE;
                } catch (IOException e) {
                    places.release();
                    if (closed) {
                        return;
                    }
                    LOG.debug("Sandbox {}: no connection to its proxy's door: {}", sandbox, e.getMessage());
                    Thread.sleep(pause);
                    pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause.multipliedBy(2);
                    continue;
                }
                Thread.ofVirtual().name("egress-" + sandbox).start(() -> serve(wire));
            }
        } catch (InterruptedException _) {
            // closed
        }
    }

    private void serve(Wire wire) {
        Flow flow = new Flow(egress, this, wire);
        flows.add(flow);
        egress.add(flow);
        boolean place = egress.places().tryAcquire();
        try {
            if (closed) {
                flow.cut("the sandbox has ended");
            }
            flow.run(place);
        } catch (RuntimeException e) {
            LOG.error("Sandbox {}: a connection of its proxy failed", sandbox, e);
        } finally {
            flow.close();
            egress.remove(flow);
            flows.remove(flow);
            if (place) {
                egress.places().release();
            }
            places.release();
        }
    }

    List<InetAddress> resolve(Names names, String host) throws Refusal {
        try {
            lookups.acquire();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw Refusal.failed(503, "the sandbox ends");
        }
        try {
            return names.resolve(host);
        } finally {
            lookups.release();
        }
    }

    EventLog log() {
        return log;
    }

    public NetworkPolicy policy() {
        return policy;
    }

    /** Replaces the policy; connections that it does not allow are cut. */
    public void change(NetworkPolicy now) {
        policy = now;
        flows.forEach(flow -> flow.recheck(now));
    }

    /** The last thousand decisions, oldest first. */
    public List<NetworkEvent> events() {
        return log.list();
    }

    /** Cuts everything and takes no more. */
    @Override
    public void close() {
        closed = true;
        acceptors.forEach(Thread::interrupt);
        flows.forEach(flow -> flow.cut("the sandbox has ended"));
    }
}
