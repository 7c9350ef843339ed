@NullMarked
package io.athenic.e2b.server.envd;

import org.jspecify.annotations.NullMarked;
