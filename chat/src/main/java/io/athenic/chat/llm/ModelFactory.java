package io.athenic.chat.llm;

import dev.langchain4j.http.client.HttpClientBuilder;
import dev.langchain4j.model.anthropic.AnthropicStreamingChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.googleai.GoogleAiGeminiStreamingChatModel;
import dev.langchain4j.model.ollama.OllamaStreamingChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import java.util.Objects;

/** Makes the client of one turn; scripted in tests. */
@FunctionalInterface
public interface ModelFactory {

    /** A model that sends its requests through {@code http}. */
    StreamingChatModel create(HttpClientBuilder http);

    /** Clients of the configured provider. */
    static ModelFactory of(ChatModelConfig config) {
        return switch (config.provider()) {
            case ANTHROPIC -> http -> anthropic(config, http);
            case OPENAI -> http -> openAi(config, http);
            case GEMINI -> http -> gemini(config, http);
            case OLLAMA -> http -> ollama(config, http);
        };
    }

    private static StreamingChatModel anthropic(ChatModelConfig config, HttpClientBuilder http) {
        var builder = AnthropicStreamingChatModel.builder()
                .httpClientBuilder(http)
                .apiKey(config.apiKey())
                .modelName(config.model())
                .maxTokens(8_192);
        return config.baseUrl() == null
                ? builder.build()
                : builder.baseUrl(config.baseUrl()).build();
    }

    private static StreamingChatModel openAi(ChatModelConfig config, HttpClientBuilder http) {
        var builder = OpenAiStreamingChatModel.builder()
                .httpClientBuilder(http)
                .apiKey(Objects.requireNonNullElse(config.apiKey(), "none"))
                .modelName(config.model());
        return config.baseUrl() == null
                ? builder.build()
                : builder.baseUrl(config.baseUrl()).build();
    }

    private static StreamingChatModel gemini(ChatModelConfig config, HttpClientBuilder http) {
        var builder = GoogleAiGeminiStreamingChatModel.builder()
                .httpClientBuilder(http)
                .apiKey(config.apiKey())
                .modelName(config.model());
        return config.baseUrl() == null
                ? builder.build()
                : builder.baseUrl(config.baseUrl()).build();
    }

    private static StreamingChatModel ollama(ChatModelConfig config, HttpClientBuilder http) {
        return OllamaStreamingChatModel.builder()
                .httpClientBuilder(http)
                .baseUrl(config.baseUrl())
                .modelName(config.model())
                .build();
    }
}
