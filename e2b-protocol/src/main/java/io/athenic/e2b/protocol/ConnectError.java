package io.athenic.e2b.protocol;

import org.jspecify.annotations.Nullable;

/** A failed Connect call: the body of a failed unary call, or {@code error} of an end-of-stream message. */
public record ConnectError(ConnectCode code, @Nullable String message) {}
