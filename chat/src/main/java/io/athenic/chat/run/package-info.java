/** Answers one message: decide, execute, explain. */
@NullMarked
package io.athenic.chat.run;

import org.jspecify.annotations.NullMarked;
