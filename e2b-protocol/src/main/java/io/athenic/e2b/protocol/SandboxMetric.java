package io.athenic.e2b.protocol;

import java.time.Instant;

/** One sample of {@code GET /sandboxes/{id}/metrics}. Memory and disk in bytes, cpu in percent of all its cores. */
public record SandboxMetric(
        Instant timestamp,
        long timestampUnix,
        int cpuCount,
        double cpuUsedPct,
        long memUsed,
        long memTotal,
        long memCache,
        long diskUsed,
        long diskTotal) {}
