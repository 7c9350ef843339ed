package io.athenic.engine;

import java.lang.management.ManagementFactory;
import java.lang.management.OperatingSystemMXBean;

/** Whether the machine has something to spare for rooms that nobody has asked for yet. */
final class PoolHost {
    /** As many more sandboxes must fit besides what stays free. */
    private static final int SPARE_ROOMS = 4;

    private final OperatingSystemMXBean system = ManagementFactory.getOperatingSystemMXBean();
    private final HostMemory memory;
    private final double loadPerCore;

    PoolHost(HostMemory memory, double loadPerCore) {
        this.memory = memory;
        this.loadPerCore = loadPerCore;
    }

    /** An unknown load, which is negative, counts as none. */
    boolean loaded() {
        return system.getSystemLoadAverage() > loadPerCore * system.getAvailableProcessors();
    }

    boolean shortOfMemory() {
        return !memory.admits(SPARE_ROOMS);
    }
}
