package io.athenic.engine;

import java.util.Locale;
import java.util.Optional;

/** Why the engine refused or failed, in Connect's terms: every edge maps these once to its own statuses. */
public enum ErrorCode {
    INVALID_ARGUMENT,
    NOT_FOUND,
    ALREADY_EXISTS,
    UNAUTHENTICATED,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    FAILED_PRECONDITION,
    UNAVAILABLE,
    INTERNAL,
    DEADLINE_EXCEEDED;

    /** The name used on the wire, such as {@code not_found}. */
    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The code of a wire name; empty for a name that is not one of ours (a guest may send anything). */
    static Optional<ErrorCode> ofWireName(String name) {
        for (ErrorCode code : values()) {
            if (code.wireName().equals(name)) {
                return Optional.of(code);
            }
        }
        return Optional.empty();
    }
}
