/** A real engine for tests, this module's and those above it; travels in the test-jar. */
@NullMarked
package io.athenic.engine.testing;

import org.jspecify.annotations.NullMarked;
