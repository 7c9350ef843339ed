package io.athenic.e2b;

import io.athenic.e2b.protocol.CodeEvent;

/** Hears of running code as it happens, on the thread that runs it. */
public interface CodeListener {
    default void onStdout(String text) {}

    default void onStderr(String text) {}

    default void onResult(CodeEvent.Result result) {}

    default void onError(CodeEvent.Failed error) {}
}
