package io.athenic.server.template;

import java.io.Serial;

/** A definition is wrong; the message says where and what is possible. */
public final class DefinitionException extends IllegalArgumentException {
    @Serial
    private static final long serialVersionUID = 1;

    DefinitionException(String message) {
        super(message);
    }
}
