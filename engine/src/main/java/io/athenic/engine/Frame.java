package io.athenic.engine;

/** One frame of docs/PROTOCOL.md, section 1. */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
record Frame(int type, byte[] payload) {
    static final int JSON = 0;
    static final int INPUT = 1;
    static final int STDOUT = 2;
    static final int STDERR = 3;
    static final int DATA = 4;

    /** Bytes of header before the payload: the length and the type. */
    static final int HEADER = 5;

    /** Largest length field: the type and the payload. */
    static final int MAX_LENGTH = 1 << 20;

    static final int MAX_PAYLOAD = MAX_LENGTH - 1;
}
