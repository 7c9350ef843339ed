package io.athenic.engine;

/** What roomd tells without being asked. Called on the thread that reads its socket: must not block, must not throw. */
interface RoomdEvents {
    void guestExited(String sandbox, String name, GuestExit exit);

    void roomExited(String sandbox);

    void outOfMemory(String sandbox, long kills);

    void zygoteExited(String template);

    /** An answer came, {@code nanos} after its request was sent. */
    default void answered(String op, boolean ok, long nanos) {}

    /** The connection is gone, and with it roomd and every room. Called once. */
    void roomdGone(EngineException cause);
}
