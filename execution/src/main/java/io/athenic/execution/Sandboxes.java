package io.athenic.execution;

import io.athenic.e2b.CreateOptions;
import io.athenic.e2b.E2bClient;
import io.athenic.e2b.Sandbox;
import io.athenic.e2b.SandboxException;
import io.athenic.e2b.SandboxNotFoundException;
import io.athenic.e2b.protocol.ListedSandbox;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** The sandboxes that this service made, and for whom: their metadata says so, and so it is known after a restart. */
final class Sandboxes {
    /** Who a sandbox is for: clearing up closes those of the endpoints only. */
    enum Owner {
        ENDPOINT,
        THREAD,
        /** A single one; it is closed with it. */
        EXECUTION
    }

    private static final String INSTALLATION = "athenicInstallation";
    private static final String LIFE = "athenicLife";
    private static final String OWNER = "athenicOwner";
    private static final String TEMPLATE = "athenicTemplate";

    record Kept(String sandboxId, String template, Instant startedAt, Owner owner) {}

    private final E2bClient client;
    private final Duration timeout;
    private final Installation installation;

    Sandboxes(E2bClient client, Duration timeout, Installation installation) {
        this.client = client;
        this.timeout = timeout;
        this.installation = installation;
    }

    /** A fresh one that lives until its timeout or {@link #close}. */
    Sandbox create(String template, Duration lifetime, Owner owner) {
        var wanted = CreateOptions.DEFAULT
                .withTemplate(template)
                .withTimeout(lifetime)
                .withMetadata(Map.of(
                        "createdBy",
                        "athenic",
                        INSTALLATION,
                        installation.id(),
                        LIFE,
                        installation.life(),
                        OWNER,
                        owner.name().toLowerCase(Locale.ROOT),
                        TEMPLATE,
                        template));
        return attempt("", () -> client.create(wanted));
    }

    /** @throws ApiException 404: there is none of that id */
    Sandbox connect(String sandboxId, Duration lifetime) {
        if (!isId(sandboxId)) {
            throw ApiException.unknownSandbox(shortened(sandboxId));
        }
        return attempt(sandboxId, () -> client.connect(sandboxId, longer(lifetime, timeout)));
    }

    /** False if there is none of that id. */
    boolean close(String sandboxId) {
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

    /** Those that live on after what they were made for, the oldest first. */
    List<Kept> active() {
        return ours().filter(sandbox -> !isOf(sandbox, Owner.EXECUTION))
                .map(Sandboxes::kept)
                .sorted(Comparator.comparing(Kept::startedAt).thenComparing(Kept::sandboxId))
                .toList();
    }

    /** Those that an earlier life of this service made for one execution, and did not come to close. */
    List<String> leftByExecutions() {
        return ours().filter(sandbox -> isOf(sandbox, Owner.EXECUTION))
                .filter(sandbox -> !installation.life().equals(metadata(sandbox).get(LIFE)))
                .map(ListedSandbox::sandboxId)
                .toList();
    }

    /** Those whose metadata we wrote: others may write what they like. */
    private Stream<ListedSandbox> ours() {
        return attempt("", client::list).stream()
                .filter(sandbox -> installation.id().equals(metadata(sandbox).get(INSTALLATION)))
                .filter(sandbox -> metadata(sandbox).keySet().containsAll(Set.of(LIFE, OWNER, TEMPLATE)));
    }

    private static Map<String, String> metadata(ListedSandbox sandbox) {
        Map<String, String> metadata = sandbox.metadata();
        return metadata == null ? Map.of() : metadata;
    }

    private static boolean isOf(ListedSandbox sandbox, Owner owner) {
        return owner.name().toLowerCase(Locale.ROOT).equals(metadata(sandbox).get(OWNER));
    }

    private static Kept kept(ListedSandbox sandbox) {
        Owner owner = isOf(sandbox, Owner.ENDPOINT) ? Owner.ENDPOINT : Owner.THREAD;
        return new Kept(
                sandbox.sandboxId(),
                metadata(sandbox).getOrDefault(TEMPLATE, sandbox.templateId()),
                sandbox.startedAt(),
                owner);
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
