/**
 * Sandboxes: made by {@link io.athenic.engine.Engine}, kept warm in its pool, ended by their owner or their time. The rooms themselves are
 * roomd's work (docs/PROTOCOL.md, section 2); what happens in them is done by guests, the agent and the kernels (sections 1, 3, 4). This
 * package knows no HTTP and nothing of E2B. All calls block and are meant for virtual threads.
 */
@NullMarked
package io.athenic.engine;

import org.jspecify.annotations.NullMarked;
