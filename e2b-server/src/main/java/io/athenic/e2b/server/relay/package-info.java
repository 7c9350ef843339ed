/** Requests to any other port of a sandbox, relayed into its room. */
@NullMarked
package io.athenic.e2b.server.relay;

import org.jspecify.annotations.NullMarked;
