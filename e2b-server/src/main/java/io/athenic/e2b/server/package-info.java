/**
 * Serves E2B's API over the engine, so that E2B's published SDKs work unmodified ({@code docs/PROTOCOL.md}, section 5).
 * This package holds the server itself, routing, and the control plane; {@code http} is the bridge from Vert.x to
 * blocking code, {@code envd}, {@code code} and {@code relay} serve the ports of a sandbox.
 */
@NullMarked
package io.athenic.e2b.server;

import org.jspecify.annotations.NullMarked;
