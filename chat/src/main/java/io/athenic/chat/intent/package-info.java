/** Decides without a model whether a message needs code to be run, and finds the code it carries. */
@NullMarked
package io.athenic.chat.intent;

import org.jspecify.annotations.NullMarked;
