package io.athenic.chat.thread;

/**
 * A run that has not ended.
 *
 * @param messageId the assistant's message that it writes
 */
public record ActiveRun(String id, String threadId, String messageId, RunStatus status) {}
