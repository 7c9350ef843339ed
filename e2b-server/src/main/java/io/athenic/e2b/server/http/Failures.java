package io.athenic.e2b.server.http;

import io.athenic.e2b.protocol.ConnectCode;
import io.athenic.engine.ErrorCode;

/** The engine's error codes in the terms of the wire. */
public final class Failures {
    private Failures() {}

    public static ConnectCode connectCode(ErrorCode code) {
        return switch (code) {
            case INVALID_ARGUMENT -> ConnectCode.INVALID_ARGUMENT;
            case NOT_FOUND -> ConnectCode.NOT_FOUND;
            case ALREADY_EXISTS -> ConnectCode.ALREADY_EXISTS;
            case UNAUTHENTICATED -> ConnectCode.UNAUTHENTICATED;
            case PERMISSION_DENIED -> ConnectCode.PERMISSION_DENIED;
            case RESOURCE_EXHAUSTED -> ConnectCode.RESOURCE_EXHAUSTED;
            case FAILED_PRECONDITION -> ConnectCode.FAILED_PRECONDITION;
            case UNAVAILABLE -> ConnectCode.UNAVAILABLE;
            case INTERNAL -> ConnectCode.INTERNAL;
            case DEADLINE_EXCEEDED -> ConnectCode.DEADLINE_EXCEEDED;
        };
    }

    /** The status of a failed call that is not Connect's. */
    public static int httpStatus(ErrorCode code) {
        return connectCode(code).httpStatus();
    }

    /** The Connect code of a refusal by plain HTTP status. */
    public static ConnectCode connectCode(int status) {
        return switch (status) {
            case 400, 413, 415 -> ConnectCode.INVALID_ARGUMENT;
            case 401 -> ConnectCode.UNAUTHENTICATED;
            case 403 -> ConnectCode.PERMISSION_DENIED;
            case 404 -> ConnectCode.NOT_FOUND;
            case 408, 504 -> ConnectCode.DEADLINE_EXCEEDED;
            case 429 -> ConnectCode.RESOURCE_EXHAUSTED;
            case 501 -> ConnectCode.UNIMPLEMENTED;
            case 502, 503 -> ConnectCode.UNAVAILABLE;
            default -> ConnectCode.INTERNAL;
        };
    }
}
