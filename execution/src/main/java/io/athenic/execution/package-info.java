@NullMarked
package io.athenic.execution;

import org.jspecify.annotations.NullMarked;
