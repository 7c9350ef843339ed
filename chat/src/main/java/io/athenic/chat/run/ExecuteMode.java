package io.athenic.chat.run;

/** The person's own word on whether code is run for a message. */
public enum ExecuteMode {
    /** The pipeline decides. */
    AUTO,
    /** Code is run. */
    ALWAYS,
    /** Nothing is run. */
    NEVER
}
