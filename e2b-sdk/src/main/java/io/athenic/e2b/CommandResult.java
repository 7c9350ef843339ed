package io.athenic.e2b;

/**
 * How a command ended.
 *
 * @param exitCode -1 when a signal ended it
 * @param status {@code exit status N} or {@code signal: NAME}
 */
public record CommandResult(int exitCode, String status, String stdout, String stderr) {}
