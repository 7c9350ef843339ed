/** The only module that sees everything: configuration, wiring, the HTTP edge of port 4000, the command line. */
@NullMarked
package io.athenic.server;

import org.jspecify.annotations.NullMarked;
