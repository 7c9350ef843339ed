@NullMarked
package io.athenic.e2b.protocol;

import org.jspecify.annotations.NullMarked;
