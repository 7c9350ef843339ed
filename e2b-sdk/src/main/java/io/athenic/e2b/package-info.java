/**
 * The E2B SDK for Java: sandboxes, commands, files and the code interpreter, on E2B's cloud, a self-hosted cluster or Athenic's own
 * engine. Blocking and closeable: made for virtual threads. Speaks HTTP by the JDK's client alone. The protocol is that of E2B's
 * published SDKs (docs/PROTOCOL.md, section 5).
 */
@NullMarked
package io.athenic.e2b;

import org.jspecify.annotations.NullMarked;
