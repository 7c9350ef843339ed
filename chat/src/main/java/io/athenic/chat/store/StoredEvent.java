package io.athenic.chat.store;

/**
 * An event as it goes to clients.
 *
 * @param number counts from 1 in each thread, without gaps
 * @param json one line
 */
public record StoredEvent(long number, String json) {}
