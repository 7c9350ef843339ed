package io.athenic.chat.thread;

import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One message of a thread.
 *
 * @param data present on an assistant's message that ran code
 */
public record Message(
        String id,
        String threadId,
        Role role,
        Instant createdAt,
        MessageStatus status,
        List<Part> parts,
        @Nullable MessageData data) {

    public Message {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(threadId, "threadId");
        Objects.requireNonNull(role, "role");
        Objects.requireNonNull(createdAt, "createdAt");
        Objects.requireNonNull(status, "status");
        parts = List.copyOf(parts);
    }

    /** The text parts, joined by blank lines. */
    public String text() {
        return parts.stream()
                .filter(Part.Text.class::isInstance)
                .map(part -> ((Part.Text) part).text())
                .collect(Collectors.joining("\n\n"));
    }
}
