package io.athenic.chat.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import java.util.List;
import java.util.Locale;

/** A model's wish to run code, checked: a model's output is input like any other. */
sealed interface ToolCall {

    record Run(String language, String code) implements ToolCall {}

    /** What is wrong with it, in words for the model. */
    record Malformed(String problem) implements ToolCall {}

    ObjectMapper MAPPER = new ObjectMapper();
    int CODE_CHARACTERS = 256 * 1024;

    static ToolCall read(ToolExecutionRequest request, List<String> languages) {
        if (!Prompt.TOOL.equals(request.name())) {
            return new Malformed("there is no tool named " + request.name() + ", only " + Prompt.TOOL);
        }
        JsonNode arguments;
        try {
            arguments = MAPPER.readTree(request.arguments() == null ? "" : request.arguments());
        } catch (JsonProcessingException e) {
            return new Malformed("the arguments are not JSON");
        }
        String code = arguments.path("code").textValue();
        if (code == null || code.isBlank()) {
            return new Malformed("the argument code is missing");
        }
        if (code.length() > CODE_CHARACTERS) {
            return new Malformed("the code is longer than " + CODE_CHARACTERS + " characters");
        }
        String language = arguments.path("language").asText("python").toLowerCase(Locale.ROOT);
        if (!languages.contains(language)) {
            return new Malformed("the language must be one of " + languages + ", not " + language);
        }
        return new Run(language, code);
    }
}
