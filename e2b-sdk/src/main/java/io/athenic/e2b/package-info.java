@NullMarked
package io.athenic.e2b;

import org.jspecify.annotations.NullMarked;
