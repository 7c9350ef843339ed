package io.athenic.chat.run;

import io.athenic.execution.ApiException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** What a run needs of the execution service: the boundary between chat and execution. */
public interface Sandboxes {

    /**
     * Makes a sandbox and answers its id.
     *
     * @throws ApiException when there is none to be had
     */
    String create();

    /** True while the sandbox can be used. */
    boolean isAlive(String sandboxId);

    /** Puts the sandbox's end off by its full time to live; a sandbox that is gone is no error. */
    void keepAlive(String sandboxId);

    /** Ends the sandbox; one that is gone is no error. */
    void close(String sandboxId);

    /**
     * Starts code in a sandbox.
     *
     * @throws ApiException when the sandbox is gone or the service refuses
     */
    StartedCode start(String sandboxId, String clientId, String language, String code, Duration timeout);

    /** An execution that was started before, perhaps by an earlier life of the server; empty when it is not known any more. */
    Optional<StartedCode> find(String executionId);

    /** Stops an execution; one that has ended is no error. */
    void cancel(String executionId);

    /** The languages that {@link #start} takes, the default first. */
    List<String> languages();

    /** Where clients follow an execution. */
    String webSocketUrl();

    /** An execution that has been started. */
    interface StartedCode {
        /** Its id. */
        String executionId();

        /** The wire name of its status now. */
        String status();

        /**
         * Waits for the end.
         *
         * @throws ApiException when it has not ended after {@code max}
         */
        CodeOutcome await(Duration max);
    }
}
