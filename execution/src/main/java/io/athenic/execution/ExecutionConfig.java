package io.athenic.execution;

import java.nio.file.Path;
import java.time.Duration;

/**
 * Bounds and places of the execution service.
 *
 * @param spillFolder where logs keep what does not fit into memory; made if missing; what an earlier life left there is found again or deleted
 * @param webSocketUrl what clients connect to: {@code ws://host:port}
 * @param maxConcurrent executions that run or wait at one time; more are refused
 * @param maxRetained ended executions that are kept
 * @param maxRetainedBytes of their logs
 * @param retention how long they are kept
 * @param sandboxTimeout how long a sandbox lives after its last use
 * @param stopGrace how long each way of stopping may take before the next is tried
 */
public record ExecutionConfig(
        Path spillFolder,
        String webSocketUrl,
        int maxConcurrent,
        int maxRetained,
        long maxRetainedBytes,
        Duration retention,
        Duration sandboxTimeout,
        Duration stopGrace,
        LogLimits logLimits) {
    public ExecutionConfig {
        if (maxConcurrent < 1) {
            throw new IllegalArgumentException("maxConcurrent is below 1: " + maxConcurrent);
        }
        if (maxRetained < 1) {
            throw new IllegalArgumentException("maxRetained is below 1: " + maxRetained);
        }
    }

    public static ExecutionConfig of(Path spillFolder, String webSocketUrl) {
        return new ExecutionConfig(
                spillFolder,
                webSocketUrl,
                64,
                500,
                1L << 30,
                Duration.ofMinutes(15),
                Duration.ofMinutes(30),
                Duration.ofSeconds(2),
                LogLimits.DEFAULT);
    }

    public ExecutionConfig withMaxConcurrent(int newMax) {
        return new ExecutionConfig(
                spillFolder,
                webSocketUrl,
                newMax,
                maxRetained,
                maxRetainedBytes,
                retention,
                sandboxTimeout,
                stopGrace,
                logLimits);
    }

    public ExecutionConfig withRetained(int newCount, long newBytes, Duration newRetention) {
        return new ExecutionConfig(
                spillFolder,
                webSocketUrl,
                maxConcurrent,
                newCount,
                newBytes,
                newRetention,
                sandboxTimeout,
                stopGrace,
                logLimits);
    }

    public ExecutionConfig withSandboxTimeout(Duration newTimeout) {
        return new ExecutionConfig(
                spillFolder,
                webSocketUrl,
                maxConcurrent,
                maxRetained,
                maxRetainedBytes,
                retention,
                newTimeout,
                stopGrace,
                logLimits);
    }

    public ExecutionConfig withStopGrace(Duration newGrace) {
        return new ExecutionConfig(
                spillFolder,
                webSocketUrl,
                maxConcurrent,
                maxRetained,
                maxRetainedBytes,
                retention,
                sandboxTimeout,
                newGrace,
                logLimits);
    }

    public ExecutionConfig withLogLimits(LogLimits newLimits) {
        return new ExecutionConfig(
                spillFolder,
                webSocketUrl,
                maxConcurrent,
                maxRetained,
                maxRetainedBytes,
                retention,
                sandboxTimeout,
                stopGrace,
                newLimits);
    }
}
