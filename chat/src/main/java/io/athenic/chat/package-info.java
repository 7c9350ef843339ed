@NullMarked
package io.athenic.chat;

import org.jspecify.annotations.NullMarked;
