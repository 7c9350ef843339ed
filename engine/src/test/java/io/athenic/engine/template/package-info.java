/** Builds of templates, in real sandboxes. */
@NullMarked
package io.athenic.engine.template;

import org.jspecify.annotations.NullMarked;
