package io.athenic.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/** The samples of one sandbox, newest last; the oldest are forgotten after an hour of one every five seconds. */
final class UseHistory {
    static final int MAX = 720;

    private final double cores;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Deque<UseSample> samples = new ArrayDeque<>();

    @GuardedBy("lock")
    private long lastCpuMicros = -1;

    @GuardedBy("lock")
    private long lastNanoTime;

    UseHistory(double cores) {
        this.cores = cores;
    }

    /** Adds a sample; {@code cpuMicros} counts from the room's making, so that the first one only begins the count. */
    UseSample add(Instant at, long nanoTime, long cpuMicros, long memoryBytes, long diskUsed, long diskTotal) {
        lock.lock();
        try {
            double wall = (nanoTime - lastNanoTime) / 1000.0;
            double percent = lastCpuMicros < 0 || wall <= 0 ? 0 : 100 * (cpuMicros - lastCpuMicros) / wall / cores;
            lastCpuMicros = cpuMicros;
            lastNanoTime = nanoTime;
            UseSample sample = new UseSample(
                    at, Math.round(Math.clamp(percent, 0, 100) * 100) / 100.0, memoryBytes, diskUsed, diskTotal);
            samples.addLast(sample);
            if (samples.size() > MAX) {
                samples.removeFirst();
            }
            return sample;
        } finally {
            lock.unlock();
        }
    }

    List<UseSample> list() {
        lock.lock();
        try {
            return new ArrayList<>(samples);
        } finally {
            lock.unlock();
        }
    }
}
