/** One HTTP exchange as blocking code on a virtual thread: bounded bodies in, bounded and coalesced writes out. */
@NullMarked
package io.athenic.e2b.server.http;

import org.jspecify.annotations.NullMarked;
