package io.athenic.engine.egress;

import java.net.InetAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/** The proxies of all sandboxes of one engine: the operator's rules, the bounds they share, what they have done. */
public final class Egress implements AutoCloseable {
    /** Where the proxy listens in every room that has one. */
    public static final int PORT = 3128;

    private static final String BUNDLE = "/etc/ssl/certs/ca-certificates.crt";
    private static final Duration SWEEP = Duration.ofSeconds(1);

    private final EgressConfig config;
    private final Names names;
    private final InstantSource clock;
    private final AddressGuard guard;
    private final Semaphore places;
    private final Set<Flow> flows = ConcurrentHashMap.newKeySet();
    private final AtomicLong allowed = new AtomicLong();
    private final AtomicLong denied = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    private final AtomicLong sent = new AtomicLong();
    private final AtomicLong received = new AtomicLong();
    private final Thread sweeper;

    /**
     * What was done since the start.
     *
     * @param open connections under way
     * @param sent bytes that sandboxes sent
     * @param received bytes that they got
     */
    public record Counts(long allowed, long denied, long failed, int open, long sent, long received) {}

    public Egress(EgressConfig config, Resolver resolver, InstantSource clock) {
        this(config, resolver, clock, AddressGuard.interfaces());
    }

    Egress(EgressConfig config, Resolver resolver, InstantSource clock, Supplier<Set<InetAddress>> own) {
        this.config = config;
        this.names = new Names(resolver, config.connect());
        this.clock = clock;
        this.guard = new AddressGuard(config.exceptions(), own);
        this.places = new Semaphore(config.allConnections());
        this.sweeper = Thread.ofVirtual().name("egress-sweeper").start(this::sweep);
    }

    public EgressConfig config() {
        return config;
    }

    /** What a sandbox gets; empty: not even a proxy that says no. */
    public Optional<NetworkPolicy> policy(NetworkWish wish) {
        if (wish.build()) {
            return config.builds() ? Optional.of(wish.policy(true)) : Optional.empty();
        }
        return switch (config.mode()) {
            case OFF -> Optional.empty();
            case ON_REQUEST -> Optional.of(wish.policy(false));
            case ON -> Optional.of(wish.policy(true));
        };
    }

    /** The variables by which programs in a room find the proxy, and the certificates it takes to go through it. */
    public Map<String, String> environment() {
        Map<String, String> env = new LinkedHashMap<>();
        String proxy = "http://127.0.0.1:" + PORT;
        String direct = "localhost,127.0.0.1,::1";
        for (String name : List.of("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")) {
            env.put(name, proxy);
        }
        env.put("NO_PROXY", direct);
        env.put("no_proxy", direct);
        env.put("NODE_USE_ENV_PROXY", "1");
        env.put("NODE_OPTIONS", "--require=/usr/local/lib/athenic/proxy.cjs");
        String host = "proxyHost=127.0.0.1";
        env.put(
                "JDK_JAVA_OPTIONS",
                "-Dhttp." + host + " -Dhttp.proxyPort=" + PORT + " -Dhttps." + host + " -Dhttps.proxyPort=" + PORT
                        + " -Dhttp.nonProxyHosts=localhost|127.*|[::1]");
        if (!config.certificates().isEmpty()) {
            for (String name : List.of(
                    "SSL_CERT_FILE",
                    "NODE_EXTRA_CA_CERTS",
                    "REQUESTS_CA_BUNDLE",
                    "PIP_CERT",
                    "CURL_CA_BUNDLE",
                    "GIT_SSL_CAINFO")) {
                env.put(name, BUNDLE);
            }
        }
        return env;
    }

    /** Begins to serve a sandbox. */
    public SandboxEgress open(String sandbox, Door door, NetworkPolicy policy) {
        return new SandboxEgress(this, sandbox, door, policy, new EventLog(clock));
    }

    public Counts counts() {
        return new Counts(allowed.get(), denied.get(), failed.get(), flows.size(), sent.get(), received.get());
    }

    /** A place among the connections of all sandboxes; to be given back. */
    Semaphore places() {
        return places;
    }

    void count(NetworkEvent.Verdict verdict) {
        (switch (verdict) {
                    case ALLOWED -> allowed;
                    case DENIED -> denied;
                    case FAILED -> failed;
                })
                .incrementAndGet();
    }

    void countBytes(boolean fromSandbox, long bytes) {
        (fromSandbox ? sent : received).addAndGet(bytes);
    }

    void add(Flow flow) {
        flows.add(flow);
    }

    void remove(Flow flow) {
        flows.remove(flow);
    }

    /** The addresses that the policy lets the sandbox reach, in the resolver's order; at least one. */
    List<InetAddress> decide(Target target, SandboxEgress owner) throws Refusal {
        NetworkPolicy policy = owner.policy();
        String host = target.host();
        int port = target.port();
        if (!policy.anything()) {
            throw Refusal.denied("this sandbox has no network");
        }
        // Before the name is resolved: what may not be reached is not asked for, or names would be a way to tell
        // something to the outside.
        if (target.literal().isEmpty()) {
            operatorDenies(host, null, port);
            NetworkPolicy operator =
                    new NetworkPolicy(config.allow(), List.of(), config.allow().isEmpty());
            if (!policy.worthResolving(host, port) || !operator.worthResolving(host, port)) {
                throw Refusal.denied("it is not among the destinations that this sandbox may reach");
            }
            if (!config.ports().contains(port) && config.exceptions().isEmpty()) {
                throw portDenied(port);
            }
        }
        List<InetAddress> found =
                target.literal().isPresent() ? List.of(target.literal().get()) : owner.resolve(names, host);
        List<InetAddress> reachable = new ArrayList<>();
        Refusal last = Refusal.failed(502, "the name " + host + " has no address");
        for (InetAddress address : found) {
            try {
                check(host, address, port, policy);
                reachable.add(address);
            } catch (Refusal refusal) {
                last = refusal;
            }
        }
        if (reachable.isEmpty()) {
            throw last;
        }
        return reachable;
    }

    /** Throws when the destination is not to be reached under this name, or address, any more. */
    void check(String host, InetAddress address, int port, NetworkPolicy policy) throws Refusal {
        Optional<String> never = guard.refusal(address, port);
        if (never.isPresent()) {
            throw Refusal.denied(never.get());
        }
        if (!config.ports().contains(port) && !guard.namesPort(address, port)) {
            throw portDenied(port);
        }
        operatorDenies(host, address, port);
        if (!config.allow().isEmpty() && config.allow().stream().noneMatch(rule -> rule.matches(host, address, port))) {
            throw Refusal.denied("the server's rules do not allow it");
        }
        Optional<String> refused = policy.refusal(host, address, port);
        if (refused.isPresent()) {
            throw Refusal.denied(refused.get());
        }
    }

    private Refusal portDenied(int port) {
        return Refusal.denied("port " + port + " is not open to sandboxes");
    }

    private void operatorDenies(String host, @org.jspecify.annotations.Nullable InetAddress address, int port)
            throws Refusal {
        if (config.deny().stream().anyMatch(rule -> rule.matches(host, address, port))) {
            throw Refusal.denied("the server's rules deny it");
        }
    }

    private void sweep() {
        try {
            while (true) {
                Thread.sleep(SWEEP);
                long now = System.nanoTime();
                flows.forEach(flow -> flow.closeWhenLate(now));
            }
        } catch (InterruptedException _) {
            // closed
        }
    }

    @Override
    public void close() {
        sweeper.interrupt();
        names.close();
        flows.forEach(flow -> flow.cut("the server stops"));
    }
}
