package io.athenic.execution;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** What {@code GET /health} says besides {@code status}: the engine and the model. Called on the event loop: must not block. */
@FunctionalInterface
public interface HealthSource {
    /** Fields {@code engine} and {@code model} as in docs/PROTOCOL.md, section 6; freshly made for each call. */
    ObjectNode health();
}
