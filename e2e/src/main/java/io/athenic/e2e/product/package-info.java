/** The running product as its user has it: started, stopped, killed, and looked at from outside. For the end-to-end tests and the benchmarks. */
@NullMarked
package io.athenic.e2e.product;

import org.jspecify.annotations.NullMarked;
