package io.athenic.chat.thread;

import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A conversation.
 *
 * @param sandboxId the thread's own sandbox, null until one is needed; it may have ended since
 */
public record ChatThread(
        String id,
        String title,
        Instant createdAt,
        Instant updatedAt,
        @Nullable String sandboxId) {

    /** Title of a thread that nobody has named yet; the first message replaces it. */
    public static final String UNTITLED = "New chat";

    public ChatThread {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(title, "title");
        Objects.requireNonNull(createdAt, "createdAt");
        Objects.requireNonNull(updatedAt, "updatedAt");
    }
}
