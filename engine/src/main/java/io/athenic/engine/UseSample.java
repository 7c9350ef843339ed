package io.athenic.engine;

import java.time.Instant;

/**
 * What a sandbox used at one moment.
 *
 * @param cpuPercent since the sample before, of all its cores: 0 to 100
 */
public record UseSample(Instant at, double cpuPercent, long memoryBytes, long diskUsedBytes, long diskTotalBytes) {}
