/** Definitions of templates. */
@NullMarked
package io.athenic.server.template;

import org.jspecify.annotations.NullMarked;
