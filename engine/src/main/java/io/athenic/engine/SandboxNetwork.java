package io.athenic.engine;

import io.athenic.engine.egress.Egress;
import io.athenic.engine.egress.NetworkEvent;
import io.athenic.engine.egress.NetworkPolicy;
import io.athenic.engine.egress.NetworkWish;
import io.athenic.engine.egress.SandboxEgress;
import io.athenic.engine.egress.Wire;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The network of one sandbox: none, or the proxy that the engine keeps for it. */
final class SandboxNetwork {
    private final Egress egress;
    private final String sandbox;
    private final Optional<NetworkPolicy> first;
    private volatile NetworkWish wish;
    private volatile @Nullable SandboxEgress proxy;
    private volatile boolean closed;

    SandboxNetwork(Egress egress, String sandbox, NetworkWish wish) {
        this.egress = egress;
        this.sandbox = sandbox;
        this.wish = wish;
        this.first = egress.policy(wish);
    }

    /** The sandbox's environment: its own variables win over those of the proxy. */
    Map<String, String> environment(Map<String, String> own) {
        if (first.isEmpty()) {
            return own;
        }
        Map<String, String> env = new HashMap<>(egress.environment());
        env.putAll(own);
        return Map.copyOf(env);
    }

    /** What every agent of the room is asked to do before anything else. */
    Optional<AgentGuest.Preparation> preparation() {
        return first.map(_ -> new AgentGuest.Preparation(Json.object()
                .put("op", "egress.open")
                .put("port", Egress.PORT)
                .put("certificates", egress.config().certificates())));
    }

    /** Begins to serve; the agent makes its side ready now, so that the first program finds it. */
    void open(AgentGuest agent) {
        if (first.isPresent()) {
            agent.prepareNow();
            SandboxEgress opened = egress.open(sandbox, () -> waitForProgram(agent), first.get());
            proxy = opened;
            if (closed) {
                opened.close(); // the sandbox has ended meanwhile
            }
        }
    }

    /** As {@link #open} in a room that an engine before this one made: the agent is made ready when it is next connected to. */
    void reopen(AgentGuest agent) {
        if (first.isPresent()) {
            proxy = egress.open(sandbox, () -> waitForProgram(agent), first.get());
        }
    }

    /** As {@link #accept}, in the proxy's terms. */
    private static Wire waitForProgram(AgentGuest agent) throws IOException {
        try {
            return accept(agent);
        } catch (EngineException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private static PortConnection accept(AgentGuest agent) {
        GuestConnection connection = agent.connectWaiting();
        try {
            connection.send(Json.object().put("op", "egress.accept"));
            Frame frame = connection.read(); // waits for a program, however long
            if (frame == null) {
                throw connection.gone(null);
            }
            GuestConnection.message(frame);
            return new PortConnection(connection, connection.remaining());
        } catch (IOException e) {
            connection.close();
            throw connection.gone(e);
        } catch (RuntimeException e) {
            connection.close();
            throw e;
        }
    }

    NetworkWish wish() {
        return wish;
    }

    /** What it may reach now. */
    NetworkPolicy policy() {
        SandboxEgress open = proxy;
        return open == null ? NetworkPolicy.NONE : open.policy();
    }

    void change(NetworkWish now) {
        SandboxEgress open = proxy;
        Optional<NetworkPolicy> policy = egress.policy(now);
        if (open == null || policy.isEmpty()) {
            if (now.internet() || now.explicit()) {
                throw new EngineException(
                        ErrorCode.FAILED_PRECONDITION,
                        "this server gives sandboxes no network: its operator can allow it with the setting egress");
            }
        } else {
            open.change(policy.get());
        }
        // Who may reach its ports is decided when it is made.
        wish = new NetworkWish(now.internet(), now.allowOut(), now.denyOut(), wish.publicTraffic(), wish.build());
    }

    List<NetworkEvent> events() {
        SandboxEgress open = proxy;
        return open == null ? List.of() : open.events();
    }

    void close() {
        closed = true;
        SandboxEgress open = proxy;
        if (open != null) {
            open.close();
        }
    }
}
