package io.athenic.chat.llm;

import java.io.Serial;

/** The model gave no usable answer; the message says why and what to do, for the person who chats. */
public final class ModelException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1;

    public ModelException(String message) {
        super(message);
    }

    public ModelException(String message, Throwable cause) {
        super(message, cause);
    }
}
