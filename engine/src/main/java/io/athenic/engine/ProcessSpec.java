package io.athenic.engine;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A process to start in a sandbox.
 *
 * @param cwd null: the home of the user
 * @param user null: the default user
 * @param stdin whether input will come; without, the process reads an empty one
 * @param pty null: no terminal
 * @param tag a name to find it by
 * @param timeout it is killed when it is over; zero: no limit
 */
public record ProcessSpec(
        String cmd,
        List<String> args,
        Map<String, String> env,
        @Nullable String cwd,
        @Nullable String user,
        boolean stdin,
        @Nullable PtySize pty,
        @Nullable String tag,
        Duration timeout) {
    private static final int MAX_ARGUMENTS_BYTES = 512 * 1024;

    public ProcessSpec {
        args = List.copyOf(args);
        env = Map.copyOf(env);
        Check.argument(!cmd.isEmpty(), "cmd is empty: name the program to start");
        Check.range("args", args.size(), 0, 10_000);
        Check.text("cmd and args", cmd, MAX_ARGUMENTS_BYTES);
        long bytes = cmd.length();
        for (String arg : args) {
            Check.text("args", arg, MAX_ARGUMENTS_BYTES);
            bytes += arg.length();
        }
        Check.argument(bytes <= MAX_ARGUMENTS_BYTES, "cmd and args are larger than " + MAX_ARGUMENTS_BYTES + " bytes");
        Check.environment("env", env);
        if (cwd != null) {
            Check.text("cwd", cwd, 4096);
        }
        if (user != null) {
            Check.text("user", user, 256);
        }
        if (tag != null) {
            Check.text("tag", tag, 256);
        }
        Check.argument(!timeout.isNegative(), "timeout is negative: " + timeout);
    }

    /** The program with its arguments as the default user, without input. */
    public static ProcessSpec of(String cmd, String... args) {
        return new ProcessSpec(cmd, List.of(args), Map.of(), null, null, false, null, null, Duration.ZERO);
    }

    /** The shell command as {@code /bin/bash -l -c COMMAND}. */
    public static ProcessSpec shell(String command) {
        return of("/bin/bash", "-l", "-c", command);
    }

    public ProcessSpec withStdin() {
        return new ProcessSpec(cmd, args, env, cwd, user, true, pty, tag, timeout);
    }

    public ProcessSpec withUser(String name) {
        return new ProcessSpec(cmd, args, env, cwd, name, stdin, pty, tag, timeout);
    }

    public ProcessSpec withPty(PtySize size) {
        return new ProcessSpec(cmd, args, env, cwd, user, stdin, size, tag, timeout);
    }

    public ProcessSpec withTimeout(Duration limit) {
        return new ProcessSpec(cmd, args, env, cwd, user, stdin, pty, tag, limit);
    }

    /** The size of a terminal in characters. */
    public record PtySize(int cols, int rows) {
        public PtySize {
            Check.range("cols", cols, 1, 10_000);
            Check.range("rows", rows, 1, 10_000);
        }
    }
}
