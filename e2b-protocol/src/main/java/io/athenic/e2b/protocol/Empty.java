package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonAutoDetect;

/** A message without fields: {@code {}}. */
@JsonAutoDetect
public record Empty() {
    public static final Empty EMPTY = new Empty();
}
