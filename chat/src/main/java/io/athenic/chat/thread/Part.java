package io.athenic.chat.thread;

import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One piece of a message, shown in order. */
public sealed interface Part {

    /** Prose, Markdown. */
    record Text(String text) implements Part {
        public Text {
            Objects.requireNonNull(text, "text");
        }
    }

    /**
     * One run of code.
     *
     * @param status the wire name of the execution's status
     * @param reason why it ran
     * @param clientId the id to connect the WebSocket with
     * @param sandboxId null until the sandbox is there
     * @param summary what came of it, in one line; null while it runs
     */
    record Execution(
            String executionId,
            String language,
            String code,
            String status,
            String reason,
            String clientId,
            @Nullable String sandboxId,
            @Nullable String summary)
            implements Part {
        public Execution {
            Objects.requireNonNull(executionId, "executionId");
            Objects.requireNonNull(language, "language");
            Objects.requireNonNull(code, "code");
            Objects.requireNonNull(status, "status");
            Objects.requireNonNull(reason, "reason");
            Objects.requireNonNull(clientId, "clientId");
        }
    }

    /** Something that the person must know: a lost sandbox, a model that failed. */
    record Notice(Level level, String text) implements Part {
        public Notice {
            Objects.requireNonNull(level, "level");
            Objects.requireNonNull(text, "text");
        }
    }

    /** A file of the sandbox; {@code size} in bytes. */
    record File(String path, long size) implements Part {
        public File {
            Objects.requireNonNull(path, "path");
        }
    }

    /** Weight of a notice. */
    enum Level {
        INFO,
        WARNING,
        ERROR;

        /** The name used in JSON. */
        public String wire() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
