package io.athenic.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.chat.thread.ChatThread;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TitlesTest {
    @ParameterizedTest
    @CsvSource({
        "'```python\nwhile True: print(1)\n```', while True: print(1)",
        "'$ ls -la', ls -la",
        "'\n\n# Sales of May\nplot it', Sales of May",
        "'Run this:\n```\n1+1\n```', Run this:",
    })
    void theFirstLineThatSaysSomething(String message, String title) {
        assertThat(Titles.of(message.replace("\\n", "\n"))).isEqualTo(title);
    }

    @Test
    void nothingToSay() {
        assertThat(Titles.of("```\n```")).isEqualTo(ChatThread.UNTITLED);
    }

    @Test
    void longLinesAreCutBetweenWords() {
        assertThat(Titles.of("word ".repeat(40))).hasSizeLessThanOrEqualTo(61).endsWith("word…");
    }
}
