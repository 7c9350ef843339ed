/** The code interpreter: executions as streams of JSON lines, and contexts. */
@NullMarked
package io.athenic.e2b.server.code;

import org.jspecify.annotations.NullMarked;
