package io.athenic.chat.llm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;

class ChatModelConfigTest {

    private static String label(Map<String, String> environment) {
        return ChatModelConfig.fromEnvironment(environment)
                .map(ChatModelConfig::label)
                .orElse("none");
    }

    @Test
    void nothingConfiguredIsNoModel() {
        assertThat(label(Map.of())).isEqualTo("none");
        assertThat(label(Map.of("ANTHROPIC_API_KEY", "  ", "ATHENIC_MODEL", "")))
                .isEqualTo("none");
    }

    @Test
    void theFirstConfiguredProviderIsTakenWithItsUsualModel() {
        assertThat(label(Map.of("OPENAI_API_KEY", "k", "ANTHROPIC_API_KEY", "k")))
                .startsWith("anthropic:");
        assertThat(label(Map.of("OPENAI_API_KEY", "k"))).startsWith("openai:");
        assertThat(label(Map.of("GEMINI_API_KEY", "k"))).startsWith("gemini:");
        assertThat(label(Map.of("OLLAMA_BASE_URL", "http://localhost:11434"))).startsWith("ollama:");
        assertThat(label(Map.of("OPENAI_BASE_URL", "http://localhost:8080/v1"))).startsWith("openai:");
    }

    @Test
    void theChosenModelWins() {
        assertThat(label(Map.of("ATHENIC_MODEL", "openai:gpt-x", "OPENAI_API_KEY", "k", "ANTHROPIC_API_KEY", "k")))
                .isEqualTo("openai:gpt-x");
        assertThat(label(Map.of("ATHENIC_MODEL", "ollama:llama3:8b"))).isEqualTo("ollama:llama3:8b");
    }

    @Test
    void wrongValuesNameTheirVariable() {
        assertThatThrownBy(() -> label(Map.of("ATHENIC_MODEL", "openai:gpt-x"))).hasMessageContaining("OPENAI_API_KEY");
        assertThatThrownBy(() -> label(Map.of("ATHENIC_MODEL", "skynet:t800"))).hasMessageContaining("ATHENIC_MODEL");
        assertThatThrownBy(() -> label(Map.of("OPENAI_BASE_URL", "localhost:8080")))
                .hasMessageContaining("OPENAI_BASE_URL");
        assertThatThrownBy(() -> label(Map.of("ATHENIC_MODEL", "ollama:"))).hasMessageContaining("name");
    }

    @Test
    void theKeyIsNeverPrinted() {
        assertThat(ChatModelConfig.fromEnvironment(Map.of("OPENAI_API_KEY", "sk-secret"))
                        .toString())
                .doesNotContain("sk-secret");
    }
}
