/** A scripted server that speaks E2B's wire contract, for tests of the SDK and of what stands on it. */
@NullMarked
package io.athenic.e2b.testing;

import org.jspecify.annotations.NullMarked;
