/** The whole product as a user meets it: started by {@code ./athenic}, spoken to over its ports, looked at in a real browser, killed, and checked for what it left. */
@NullMarked
package io.athenic.e2e;

import org.jspecify.annotations.NullMarked;
