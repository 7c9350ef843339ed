package io.athenic.chat.run;

import java.util.List;

/** What is said when no language model is configured. */
final class NoModel {

    private static final String HOW =
            "Set ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY or OLLAMA_BASE_URL and start Athenic"
                    + " again (OPENAI_BASE_URL for a compatible server, ATHENIC_MODEL to choose the model).";

    static final String CONVERSATION =
            "No language model is configured, so I cannot hold a conversation. I can run the code that"
                    + " a message carries: put it in a ``` block, write `run …`, or just paste it. For conversation: "
                    + HOW;

    static final String CODE_MUST_BE_WRITTEN =
            "This needs code to be written first, and no language model is configured that could"
                    + " write it. " + HOW
                    + " Without a model, send the code itself: in a ``` block, after `run`, or just pasted.";

    static final String NOTHING_RUN =
            "Nothing was run, as you asked. No language model is configured that could answer in words. " + HOW;

    private NoModel() {}

    static String unknownLanguage(String language, List<String> languages) {
        return "The sandbox does not run " + language + ". It runs " + String.join(", ", languages)
                + ". Send the code in one of these, or run the program by a bash command.";
    }
}
