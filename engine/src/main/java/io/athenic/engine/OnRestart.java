package io.athenic.engine;

/** What a new engine does with the sandboxes of the one before it, which ended without ending them. */
public enum OnRestart {
    /** They go on: the same ids, tokens, contexts and variables. */
    ADOPT,
    /** They are ended. */
    SWEEP
}
