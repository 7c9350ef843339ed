package io.athenic.execution;

import io.athenic.e2b.CreateOptions;
import io.athenic.e2b.E2bClient;
import io.athenic.e2b.Sandbox;
import io.athenic.e2b.SandboxException;
import io.athenic.e2b.SandboxNotFoundException;
import io.athenic.e2b.protocol.ListedSandbox;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** The sandboxes that this service made and let live, and for whom. */
final class Sandboxes {
    /** Who a sandbox is kept for: clearing up closes those of the endpoints only. */
    enum Owner {
        ENDPOINT,
        THREAD
    }

    record Kept(String sandboxId, String template, Instant startedAt, Owner owner) {}

    private final E2bClient client;
    private final Duration timeout;
    private final InstantSource clock;
    private final ConcurrentHashMap<String, Kept> kept = new ConcurrentHashMap<>();

    Sandboxes(E2bClient client, Duration timeout, InstantSource clock) {
        this.client = client;
        this.timeout = timeout;
        this.clock = clock;
    }

    /** A fresh one that lives until its timeout or {@link #close}. */
    Sandbox create(String template, Duration lifetime, Owner owner) {
        Sandbox sandbox = createUnkept(template, lifetime);
        keep(sandbox, template, owner);
        return sandbox;
    }

    /** A fresh one, which the caller closes. */
    Sandbox createUnkept(String template, Duration lifetime) {
        var wanted = CreateOptions.DEFAULT
                .withTemplate(template)
                .withTimeout(lifetime)
                .withMetadata(Map.of("createdBy", "athenic"));
        return attempt("", () -> client.create(wanted));
    }

    void keep(Sandbox sandbox, String template, Owner owner) {
        kept.put(sandbox.id(), new Kept(sandbox.id(), template, clock.instant(), owner));
    }

    /** @throws ApiException 404: there is none of that id */
    Sandbox connect(String sandboxId, Duration lifetime) {
        if (!isId(sandboxId)) {
            throw ApiException.unknownSandbox(shortened(sandboxId));
        }
        try {
            return attempt(sandboxId, () -> client.connect(sandboxId, longer(lifetime, timeout)));
        } catch (ApiException e) {
            if (e.code() == ErrorCode.NOT_FOUND) {
                kept.remove(sandboxId);
            }
            throw e;
        }
    }

    /** False if there is none of that id. */
    boolean close(String sandboxId) {
        kept.remove(sandboxId);
        return isId(sandboxId) && attempt(sandboxId, () -> client.kill(sandboxId));
    }

    boolean isAlive(String sandboxId) {
        if (!isId(sandboxId)) {
            return false;
        }
        try {
            return "running".equals(client.getInfo(sandboxId).state());
        } catch (SandboxNotFoundException e) {
            return false;
        } catch (SandboxException e) {
            throw ApiException.of(e, sandboxId);
        }
    }

    /** Those that still live, the oldest first. */
    List<Kept> active() {
        if (kept.isEmpty()) {
            return List.of();
        }
        Set<String> alive =
                attempt("", client::list).stream().map(ListedSandbox::sandboxId).collect(Collectors.toSet());
        kept.keySet().retainAll(alive);
        return kept.values().stream()
                .sorted((a, b) -> a.startedAt().compareTo(b.startedAt()))
                .toList();
    }

    Optional<Kept> find(String sandboxId) {
        return Optional.ofNullable(kept.get(sandboxId));
    }

    private static <T> T attempt(String sandboxId, Supplier<T> call) {
        try {
            return call.get();
        } catch (SandboxException e) {
            throw ApiException.of(e, sandboxId);
        } catch (IllegalArgumentException e) {
            throw new ApiException(
                    ErrorCode.SANDBOX_FAILED, "The sandbox service answered what is not understood: " + e.getMessage());
        }
    }

    /** E2B's ids have letters, digits and, in older ones, a hyphen. */
    private static boolean isId(String text) {
        return !text.isEmpty()
                && text.length() <= 100
                && text.chars().allMatch(c -> c == '-' || c == '_' || (c < 128 && Character.isLetterOrDigit(c)));
    }

    private static String shortened(String text) {
        return text.length() <= 40 ? text : text.substring(0, 40) + "…";
    }

    private static Duration longer(Duration a, Duration b) {
        return a.compareTo(b) >= 0 ? a : b;
    }
}
