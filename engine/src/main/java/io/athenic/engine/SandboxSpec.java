package io.athenic.engine;

import io.athenic.engine.egress.NetworkWish;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A wish for a sandbox.
 *
 * @param template name or alias of a template, or id or name of a snapshot
 * @param timeout time to live from its creation, 1 s to 24 h
 * @param metadata of the caller, not looked at; at most 1000 entries and 64 KiB
 * @param env environment of all its processes and code
 * @param secure whether it gets an access token
 * @param network what it wants to reach; what it gets is the operator's decision
 * @param limits null: the engine's default ones
 */
public record SandboxSpec(
        String template,
        Duration timeout,
        Map<String, String> metadata,
        Map<String, String> env,
        boolean secure,
        NetworkWish network,
        @Nullable Limits limits,
        Lifecycle lifecycle) {
    public static final Duration MIN_TIMEOUT = Duration.ofSeconds(1);
    public static final Duration MAX_TIMEOUT = Duration.ofHours(24);

    public SandboxSpec {
        Check.text("template", template, 256);
        Check.range("timeout", timeout, MIN_TIMEOUT, MAX_TIMEOUT);
        metadata = Map.copyOf(metadata);
        env = Map.copyOf(env);
        Check.map("metadata", metadata, 1000, 64 * 1024);
        Check.environment("env", env);
        Check.argument(secure || network.publicTraffic(), "ports that need a token need a secure sandbox");
    }

    /** One that is killed at its timeout. */
    public SandboxSpec(
            String template,
            Duration timeout,
            Map<String, String> metadata,
            Map<String, String> env,
            boolean secure,
            NetworkWish network,
            @Nullable Limits limits) {
        this(template, timeout, metadata, env, secure, network, limits, Lifecycle.KILL);
    }

    /** One that is killed at its timeout and asks for all of the network or none. */
    public SandboxSpec(
            String template,
            Duration timeout,
            Map<String, String> metadata,
            Map<String, String> env,
            boolean secure,
            boolean allowInternet,
            @Nullable Limits limits) {
        this(template, timeout, metadata, env, secure, allowInternet ? NetworkWish.INTERNET : NetworkWish.NONE, limits);
    }

    /** The same from another template, with another environment and other limits. */
    SandboxSpec on(String otherTemplate, Map<String, String> otherEnv, Limits otherLimits) {
        return new SandboxSpec(otherTemplate, timeout, metadata, otherEnv, secure, network, otherLimits, lifecycle);
    }

    /** A secure sandbox of the template with the default limits, no metadata and no environment. */
    public static SandboxSpec of(String template, Duration timeout) {
        return new SandboxSpec(template, timeout, Map.of(), Map.of(), true, true, null);
    }
}
