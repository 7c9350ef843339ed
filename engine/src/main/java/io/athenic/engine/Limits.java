package io.athenic.engine;

/**
 * What one sandbox may use.
 *
 * @param memoryBytes memory of all its processes and of its files in memory
 * @param cpuMillis thousandths of a core: 1000 is one core
 * @param pids processes and threads
 * @param diskBytes size of its writable layer
 * @param inodes files and folders in its writable layer
 */
public record Limits(long memoryBytes, int cpuMillis, int pids, long diskBytes, long inodes) {
    private static final long MIB = 1L << 20;
    private static final long TIB = 1L << 40;

    /** 1 GiB of memory, two cores, 512 processes, 2 GiB and 200,000 files on disk. */
    public static final Limits DEFAULT = new Limits(1024 * MIB, 2000, 512, 2048 * MIB, 200_000);

    public Limits {
        Check.range("memoryBytes", memoryBytes, 64 * MIB, TIB);
        Check.range("cpuMillis", cpuMillis, 50, 1_024_000);
        Check.range("pids", pids, 16, 100_000);
        Check.range("diskBytes", diskBytes, 16 * MIB, 4 * TIB);
        Check.range("inodes", inodes, 1000, 100_000_000);
    }
}
