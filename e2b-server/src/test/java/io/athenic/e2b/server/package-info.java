@NullMarked
package io.athenic.e2b.server;

import org.jspecify.annotations.NullMarked;
