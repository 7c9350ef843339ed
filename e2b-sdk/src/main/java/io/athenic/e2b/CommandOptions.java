package io.athenic.e2b;

import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a command is run.
 *
 * @param cwd absent: the user's home
 * @param user absent: the sandbox's default user
 * @param timeout when it is killed; zero: never
 * @param stdin whether input will be sent; else its stdin is empty
 */
public record CommandOptions(
        Map<String, String> env,
        @Nullable String cwd,
        @Nullable String user,
        Duration timeout,
        boolean stdin) {
    /** As E2B's SDKs: 60 s, no stdin. */
    public static final CommandOptions DEFAULT = new CommandOptions(Map.of(), null, null, Duration.ofMinutes(1), false);

    public CommandOptions {
        env = Map.copyOf(env);
        if (timeout.isNegative()) {
            throw new IllegalArgumentException("timeout is negative: " + timeout);
        }
    }

    public CommandOptions withTimeout(Duration newTimeout) {
        return new CommandOptions(env, cwd, user, newTimeout, stdin);
    }

    public CommandOptions withCwd(String newCwd) {
        return new CommandOptions(env, newCwd, user, timeout, stdin);
    }

    public CommandOptions withUser(String newUser) {
        return new CommandOptions(env, cwd, newUser, timeout, stdin);
    }

    public CommandOptions withEnv(Map<String, String> newEnv) {
        return new CommandOptions(newEnv, cwd, user, timeout, stdin);
    }

    public CommandOptions withStdin() {
        return new CommandOptions(env, cwd, user, timeout, true);
    }
}
