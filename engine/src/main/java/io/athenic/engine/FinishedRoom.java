package io.athenic.engine;

/** A room with its agent and a Python kernel that is warm: all that a sandbox needs. */
record FinishedRoom(Room room, Guest agent, Guest python) {
    /** False when something in it died while it waited. */
    boolean usable() {
        return !room.dead() && agent.alive() && python.alive();
    }
}
