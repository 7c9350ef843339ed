package io.athenic.engine;

/**
 * What happens to a sandbox at the end of its time, and while it is paused.
 *
 * @param autoResume whether a request to it while it is paused resumes it; only with {@link OnTimeout#PAUSE}
 */
public record Lifecycle(OnTimeout onTimeout, boolean autoResume) {
    /** It ends. */
    public static final Lifecycle KILL = new Lifecycle(OnTimeout.KILL, false);

    /** At the end of a sandbox's time. */
    public enum OnTimeout {
        KILL,
        /** Its processes stand still in memory. */
        PAUSE,
        /** Its processes end, its files stay. */
        PAUSE_FILES
    }

    public Lifecycle {
        Check.argument(
                !autoResume || onTimeout == OnTimeout.PAUSE,
                "autoResume is possible only with a pause at the timeout that keeps the memory");
    }
}
