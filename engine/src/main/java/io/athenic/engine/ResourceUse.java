package io.athenic.engine;

/**
 * What a sandbox uses at one moment.
 *
 * @param cpuMicros processor time since the room was made, in microseconds
 * @param oomKills processes that were killed because the memory was used up
 */
public record ResourceUse(
        long memoryBytes,
        long memoryLimitBytes,
        long cpuMicros,
        long pids,
        long diskUsedBytes,
        long diskTotalBytes,
        long inodesUsed,
        long inodesTotal,
        long oomKills) {}
