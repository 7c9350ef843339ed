package io.athenic.engine;

/** Whether sandboxes can be made. FAILED is final: roomd is gone and every room with it; start a new engine. */
public enum EngineState {
    STARTING,
    READY,
    FAILED,
    CLOSED
}
