/** envd, the agent of a sandbox: files over HTTP, and the Connect services for files and processes. */
@NullMarked
package io.athenic.e2b.server.envd;

import org.jspecify.annotations.NullMarked;
