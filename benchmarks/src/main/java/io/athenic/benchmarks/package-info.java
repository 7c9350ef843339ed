/** Whole-system benchmarks: what a client on the same machine measures, with the targets that docs/SPECIFICATION.md promises. */
@NullMarked
package io.athenic.benchmarks;

import org.jspecify.annotations.NullMarked;
