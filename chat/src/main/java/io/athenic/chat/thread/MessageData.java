package io.athenic.chat.thread;

/**
 * What a client needs to open the split screen on the execution of an answer.
 *
 * @param webSocketUrl the address to connect to, without query; JSON name {@code e2bWebSocketUrl}
 * @param clientId {@code session_{uuid}}
 * @param initialStatus the execution's status when the answer named it
 */
public record MessageData(String webSocketUrl, String clientId, String executionId, String initialStatus) {}
