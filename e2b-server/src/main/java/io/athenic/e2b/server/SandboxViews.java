package io.athenic.e2b.server;

import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.ListedSandbox;
import io.athenic.e2b.protocol.SandboxDetail;
import io.athenic.e2b.protocol.SandboxInfo;
import io.athenic.engine.Lifecycle;
import io.athenic.engine.Sandbox;
import io.athenic.engine.SandboxState;
import org.jspecify.annotations.Nullable;

/** The engine's sandboxes in the words of E2B's control plane. */
final class SandboxViews {
    /** E2B names the machine here; we have one. */
    private static final String CLIENT_ID = "athenic";

    private final @Nullable String domain;

    SandboxViews(E2bServerConfig config) {
        this.domain = config.domain().orElse(null);
    }

    SandboxInfo info(Sandbox sandbox) {
        return new SandboxInfo(
                sandbox.id(),
                sandbox.template(),
                CLIENT_ID,
                E2b.ENVD_VERSION,
                sandbox.accessToken().orElse(null),
                sandbox.trafficToken().orElse(null),
                domain,
                null);
    }

    ListedSandbox listed(Sandbox sandbox) {
        var limits = sandbox.limits();
        return new ListedSandbox(
                sandbox.id(),
                sandbox.template(),
                CLIENT_ID,
                sandbox.template(),
                sandbox.startedAt(),
                sandbox.endAt(),
                sandbox.state() == SandboxState.PAUSED ? "paused" : "running",
                cpuCount(sandbox),
                (int) (limits.memoryBytes() >> 20),
                (int) (limits.diskBytes() >> 20),
                E2b.ENVD_VERSION,
                sandbox.metadata());
    }

    SandboxDetail detail(Sandbox sandbox) {
        return SandboxDetail.of(
                listed(sandbox),
                sandbox.accessToken().orElse(null),
                domain,
                sandbox.networkPolicy().otherwise(),
                NetworkFields.detail(sandbox.networkWish()),
                new SandboxDetail.Lifecycle(
                        sandbox.lifecycle().onTimeout() == Lifecycle.OnTimeout.KILL ? "kill" : "pause",
                        sandbox.lifecycle().autoResume()),
                sandbox.state() == SandboxState.PAUSED ? sandbox.memoryKept() : null);
    }

    static int cpuCount(Sandbox sandbox) {
        return Math.max(1, (sandbox.limits().cpuMillis() + 999) / 1000);
    }
}
