package io.athenic.chat.run;

import io.athenic.chat.thread.Message;
import io.athenic.chat.thread.Part;
import java.util.Optional;

/**
 * Code that runs for an answer.
 *
 * @param place of the execution among the answer's parts
 */
public record Begun(int place, Part.Execution execution, Sandboxes.StartedCode code) {

    /** The code that was running for an answer when the server ended, if it can still be followed. */
    public static Optional<Begun> of(Message answer, Sandboxes sandboxes) {
        int last = answer.parts().size() - 1;
        if (last < 0
                || !(answer.parts().get(last) instanceof Part.Execution execution)
                || execution.summary() != null) {
            return Optional.empty();
        }
        return sandboxes.find(execution.executionId()).map(code -> new Begun(last, execution, code));
    }
}
