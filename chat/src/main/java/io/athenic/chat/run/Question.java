package io.athenic.chat.run;

import io.athenic.chat.thread.Message;

/**
 * What a run is to answer.
 *
 * @param answer the empty message that it fills
 */
public record Question(String runId, Message message, Message answer, ExecuteMode mode) {}
