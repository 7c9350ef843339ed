@NullMarked
package io.athenic.e2b.server.relay;

import org.jspecify.annotations.NullMarked;
