package io.athenic.engine;

/** Why a sandbox ended; the cause reaches the clients. */
public enum KillCause {
    USER("it was killed by a request"),
    TIMEOUT("its time was over"),
    UNUSED("nobody used it for the time after which an unused sandbox ends"),
    PAUSED_TOO_LONG("it was paused for longer than this server keeps a paused sandbox"),
    ROOM_DIED("its room died"),
    ENGINE_FAILED("the engine failed"),
    START_FAILED("its start command failed"),
    SHUTDOWN("the service is shutting down");

    private final String text;

    KillCause(String text) {
        this.text = text;
    }

    /** For people: completes "the sandbox ended: …". */
    public String text() {
        return text;
    }
}
