/** {@code ./athenic template}: definitions in files, and a client of the running server's API for templates. */
@NullMarked
package io.athenic.server.template;

import org.jspecify.annotations.NullMarked;
