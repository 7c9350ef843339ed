package io.athenic.chat.thread;

import org.jspecify.annotations.Nullable;

/** One item of a thread's event stream. Its number is given by the store. */
public sealed interface ThreadEvent {

    /** The thread itself changed: title, sandbox. */
    record ThreadChanged(ChatThread thread) implements ThreadEvent {}

    /** A message came, or is replaced as a whole. */
    record MessageChanged(Message message) implements ThreadEvent {}

    /** Text was added to the end of the text part {@code part} of a message. */
    record Delta(String messageId, int part, String text) implements ThreadEvent {}

    /** A run moved on. */
    record RunChanged(
            String runId,
            String messageId,
            RunStatus status,
            @Nullable String detail) implements ThreadEvent {}

    /** An execution started or ended. */
    record ExecutionChanged(String messageId, String webSocketUrl, Part.Execution execution) implements ThreadEvent {}

    /** The sandbox's files may have changed. */
    record FilesChanged() implements ThreadEvent {}
}
