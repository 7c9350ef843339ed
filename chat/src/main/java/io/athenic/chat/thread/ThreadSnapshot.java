package io.athenic.chat.thread;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A thread as it was right after event {@code lastEvent}: following from there misses nothing and repeats nothing.
 *
 * @param messages oldest first
 */
public record ThreadSnapshot(
        ChatThread thread,
        List<Message> messages,
        long lastEvent,
        @Nullable ActiveRun activeRun) {
    public ThreadSnapshot {
        messages = List.copyOf(messages);
    }
}
