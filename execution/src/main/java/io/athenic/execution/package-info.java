/**
 * Executions: one run of code in a sandbox, its state, its log of events, and the HTTP endpoints and the WebSocket that serve
 * them (docs/PROTOCOL.md, section 6). Knows sandboxes only through E2B's protocol (module e2b-sdk).
 */
@NullMarked
package io.athenic.execution;

import org.jspecify.annotations.NullMarked;
