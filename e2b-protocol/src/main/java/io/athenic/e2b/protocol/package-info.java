/**
 * What E2B's clients and servers say to each other: records, codecs, framing, signatures and routing, without any I/O.
 * The versions that are followed stand in {@code docs/PROTOCOL.md}, section 5. Everything here serves both sides: the
 * server that answers E2B's published SDKs and the SDK for Java.
 */
@NullMarked
package io.athenic.e2b.protocol;

import org.jspecify.annotations.NullMarked;
