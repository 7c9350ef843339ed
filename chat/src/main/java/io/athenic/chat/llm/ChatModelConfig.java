package io.athenic.chat.llm;

import java.net.URI;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Which language model answers.
 *
 * @param baseUrl null for the provider's own address
 * @param apiKey null where the server asks for none; never logged
 */
public record ChatModelConfig(
        Provider provider,
        String model,
        @Nullable String baseUrl,
        @Nullable String apiKey) {

    /** Who serves the model. */
    public enum Provider {
        ANTHROPIC("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "claude-sonnet-4-5"),
        OPENAI("OPENAI_API_KEY", "OPENAI_BASE_URL", "gpt-4.1"),
        GEMINI("GEMINI_API_KEY", "GEMINI_BASE_URL", "gemini-2.5-flash"),
        OLLAMA("OLLAMA_API_KEY", "OLLAMA_BASE_URL", "qwen3");

        private final String keyVariable;
        private final String urlVariable;
        private final String defaultModel;

        Provider(String keyVariable, String urlVariable, String defaultModel) {
            this.keyVariable = keyVariable;
            this.urlVariable = urlVariable;
            this.defaultModel = defaultModel;
        }

        /** The name before the colon of {@code ATHENIC_MODEL}. */
        public String wire() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** The environment variable that holds this provider's key. */
        public String keyVariable() {
            return keyVariable;
        }

        /** The environment variable that holds this provider's address. */
        public String urlVariable() {
            return urlVariable;
        }

        private boolean isConfigured(Map<String, String> environment) {
            return switch (this) {
                case ANTHROPIC, GEMINI -> present(environment, keyVariable).isPresent();
                case OPENAI ->
                    present(environment, keyVariable).isPresent()
                            || present(environment, urlVariable).isPresent();
                case OLLAMA -> present(environment, urlVariable).isPresent();
            };
        }
    }

    public ChatModelConfig {
        Objects.requireNonNull(provider, "provider");
        if (model.isBlank()) {
            throw new IllegalArgumentException("the model's name is empty");
        }
        if (baseUrl != null) {
            requireHttp(provider.urlVariable(), baseUrl);
        }
    }

    /**
     * Reads {@code ATHENIC_MODEL} ("provider:name" or "provider"), the providers' keys and their addresses. Without
     * {@code ATHENIC_MODEL} the first configured provider of Anthropic, OpenAI, Gemini, Ollama is taken, with its default model.
     *
     * @return empty when nothing is configured
     * @throws IllegalArgumentException naming the variable that is wrong or missing
     */
    public static Optional<ChatModelConfig> fromEnvironment(Map<String, String> environment) {
        Optional<String> chosen = present(environment, "ATHENIC_MODEL");
        if (chosen.isPresent()) {
            return Optional.of(chosen(environment, chosen.get()));
        }
        for (Provider provider : Provider.values()) {
            if (provider.isConfigured(environment)) {
                return Optional.of(of(environment, provider, provider.defaultModel));
            }
        }
        return Optional.empty();
    }

    private static ChatModelConfig chosen(Map<String, String> environment, String choice) {
        int colon = choice.indexOf(':');
        String name = colon < 0 ? choice : choice.substring(0, colon);
        for (Provider provider : Provider.values()) {
            if (provider.wire().equals(name)) {
                if (!provider.isConfigured(environment) && provider != Provider.OLLAMA) {
                    throw new IllegalArgumentException(
                            "ATHENIC_MODEL is " + choice + ", but " + provider.keyVariable + " is not set");
                }
                String model = colon < 0 ? provider.defaultModel : choice.substring(colon + 1);
                return of(environment, provider, model);
            }
        }
        throw new IllegalArgumentException(
                "ATHENIC_MODEL must be anthropic:NAME, openai:NAME, gemini:NAME or ollama:NAME, not " + choice);
    }

    private static ChatModelConfig of(Map<String, String> environment, Provider provider, String model) {
        String baseUrl = present(environment, provider.urlVariable)
                .orElse(provider == Provider.OLLAMA ? "http://127.0.0.1:11434" : null);
        return new ChatModelConfig(
                provider,
                model,
                baseUrl,
                present(environment, provider.keyVariable).orElse(null));
    }

    private static Optional<String> present(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name)).map(String::strip).filter(value -> !value.isEmpty());
    }

    private static void requireHttp(String variable, String url) {
        String scheme;
        try {
            scheme = URI.create(url).getScheme();
        } catch (IllegalArgumentException e) {
            scheme = null;
        }
        if (!"http".equals(scheme) && !"https".equals(scheme)) {
            throw new IllegalArgumentException(variable + " must be an http or https address: " + url);
        }
    }

    /** {@code provider:model}. */
    public String label() {
        return provider.wire() + ":" + model;
    }

    @Override
    public String toString() {
        return "ChatModelConfig[" + label() + (apiKey == null ? "" : ", key ***") + "]";
    }
}
