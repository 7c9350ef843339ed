@NullMarked
package io.athenic.engine;

import org.jspecify.annotations.NullMarked;
