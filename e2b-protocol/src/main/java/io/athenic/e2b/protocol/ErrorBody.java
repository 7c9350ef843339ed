package io.athenic.e2b.protocol;

/** Body of every failed call of the control plane and of envd's plain HTTP: {@code code} repeats the HTTP status. */
public record ErrorBody(int code, String message) {}
