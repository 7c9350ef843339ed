package io.athenic.engine;

import java.time.Duration;

/**
 * What no sandbox goes beyond, whatever it asks for.
 *
 * @param largest limits that a create may ask for at most
 * @param outputBytes what one execution may print, in bytes of text; then it is ended
 * @param lifetime longest time from a sandbox's start, or its last resume, to its end
 * @param unused a sandbox that nobody uses for so long ends; zero: never
 * @param hostReserveBytes memory of the machine that must stay free: no sandbox is made when there is less
 */
public record Bounds(Limits largest, long outputBytes, Duration lifetime, Duration unused, long hostReserveBytes) {
    private static final long MIB = 1L << 20;

    /** 8 GiB of memory, 8 cores, 4,096 processes, 32 GiB of disk; 1 GiB of output; 24 h; 512 MiB of the machine stay free. */
    public static final Bounds DEFAULT = new Bounds(
            new Limits(8192 * MIB, 8000, 4096, 32_768 * MIB, Limits.MAX_INODES),
            1024 * MIB,
            SandboxSpec.MAX_TIMEOUT,
            Duration.ZERO,
            512 * MIB);

    public Bounds {
        Check.range("outputBytes", outputBytes, 1 << 16, 1L << 40);
        Check.range("lifetime", lifetime, Duration.ofMinutes(1), Duration.ofDays(365));
        Check.range("unused", unused, Duration.ZERO, Duration.ofDays(365));
        Check.range("hostReserveBytes", hostReserveBytes, 0, 1L << 40);
    }

    /** INVALID_ARGUMENT, with the bound, for limits that are beyond it. */
    void check(Limits wish) {
        atMost("memory", "MiB", wish.memoryBytes() / MIB, largest.memoryBytes() / MIB);
        atMost("cpu", "thousandths of a core", wish.cpuMillis(), largest.cpuMillis());
        atMost("processes", "", wish.pids(), largest.pids());
        atMost("disk", "MiB", wish.diskBytes() / MIB, largest.diskBytes() / MIB);
    }

    private static void atMost(String what, String unit, long wish, long bound) {
        Check.argument(
                wish <= bound,
                ("a sandbox of this server may have at most " + bound + " " + unit).strip() + " of " + what + ", not "
                        + wish);
    }
}
