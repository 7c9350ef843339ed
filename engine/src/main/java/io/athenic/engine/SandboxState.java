package io.athenic.engine;

/** KILLED is final. */
public enum SandboxState {
    RUNNING,
    PAUSED,
    KILLED
}
