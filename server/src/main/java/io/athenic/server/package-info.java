@NullMarked
package io.athenic.server;

import org.jspecify.annotations.NullMarked;
