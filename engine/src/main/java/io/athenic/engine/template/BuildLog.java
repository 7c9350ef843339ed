package io.athenic.engine.template;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

/** What a build says, by lines. Beyond 20,000 lines or 4 MiB of output only what matters is added. */
public final class BuildLog {
    private static final int MAX_LINES = 20_000;
    private static final int MAX_CHARS = 4 << 20;
    private static final int MAX_LINE = 4000;

    private final InstantSource clock;

    @GuardedBy("this")
    private final List<Line> lines = new ArrayList<>();

    @GuardedBy("this")
    private int chars;

    @GuardedBy("this")
    private boolean full;

    public enum Level {
        INFO,
        WARN,
        ERROR
    }

    public record Line(Instant at, Level level, String text) {}

    BuildLog(InstantSource clock) {
        this.clock = clock;
    }

    /** A line of a program's output. */
    synchronized void output(String text) {
        if (full) {
            return;
        }
        full = lines.size() >= MAX_LINES || chars >= MAX_CHARS;
        add(Level.INFO, full ? "(the rest of the output is left out)" : text);
    }

    /** A line of ours: a few for each step. */
    synchronized void add(Level level, String text) {
        String kept = text.length() > MAX_LINE ? text.substring(0, MAX_LINE) + "…" : text;
        chars += kept.length();
        lines.add(new Line(clock.instant(), level, kept));
    }

    /** At most so many lines after the first {@code from}. */
    public synchronized List<Line> from(int from, int most) {
        int start = Math.clamp(from, 0, lines.size());
        return List.copyOf(lines.subList(start, Math.min(lines.size(), start + most)));
    }
}
