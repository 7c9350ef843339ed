package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.jspecify.annotations.Nullable;

/**
 * What one sandbox may use.
 *
 * @param memoryBytes memory of all its processes and of its files in memory
 * @param cpuMillis thousandths of a core: 1000 is one core
 * @param pids processes and threads
 * @param diskBytes size of its writable layer
 * @param inodes files and folders in its writable layer
 * @param ioBytes a second, to its writable layer and from it; 0: no bound
 */
public record Limits(long memoryBytes, int cpuMillis, int pids, long diskBytes, long inodes, long ioBytes) {
    private static final long MIB = 1L << 20;
    private static final long TIB = 1L << 40;

    public static final long MAX_INODES = 100_000_000;

    /** 1 GiB of memory, two cores, 512 processes, 2 GiB and 200,000 files on disk. */
    public static final Limits DEFAULT = new Limits(1024 * MIB, 2000, 512, 2048 * MIB, 200_000);

    /** With 256 MiB a second to and from the disk. */
    public Limits(long memoryBytes, int cpuMillis, int pids, long diskBytes, long inodes) {
        this(memoryBytes, cpuMillis, pids, diskBytes, inodes, 256 * MIB);
    }

    static Limits of(JsonNode json) {
        return new Limits(
                json.path("memoryBytes").asLong(),
                json.path("cpuMillis").asInt(),
                json.path("pids").asInt(),
                json.path("diskBytes").asLong(),
                json.path("inodes").asLong(),
                json.path("ioBytes").asLong());
    }

    /** As roomd and the records have it. */
    ObjectNode toJson() {
        return Json.object()
                .put("memoryBytes", memoryBytes)
                .put("cpuMillis", cpuMillis)
                .put("pids", pids)
                .put("diskBytes", diskBytes)
                .put("inodes", inodes)
                .put("ioBytes", ioBytes);
    }

    public Limits {
        Check.range("memoryBytes", memoryBytes, 64 * MIB, TIB);
        Check.range("cpuMillis", cpuMillis, 50, 1_024_000);
        Check.range("pids", pids, 16, 100_000);
        Check.range("diskBytes", diskBytes, 16 * MIB, 4 * TIB);
        Check.range("inodes", inodes, 1000, MAX_INODES);
        Check.range("ioBytes", ioBytes, 0, TIB);
    }

    /**
     * These limits with some of them replaced; null: as they are. A larger disk holds more files in proportion.
     *
     * @param cores whole cores
     */
    public Limits with(@Nullable Integer cores, @Nullable Integer memoryMib, @Nullable Integer diskMib) {
        return with(
                cores == null ? cpuMillis : Math.multiplyExact(cores, 1000),
                memoryMib == null ? memoryBytes : memoryMib * MIB,
                diskMib == null ? diskBytes : diskMib * MIB);
    }

    /** These limits with other processors, memory and disk; a larger disk holds more files in proportion. */
    Limits with(int cpu, long memory, long disk) {
        return new Limits(
                memory,
                cpu,
                pids,
                disk,
                disk <= diskBytes ? inodes : Math.round((double) inodes / diskBytes * disk),
                ioBytes);
    }
}
