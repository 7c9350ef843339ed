package io.athenic.chat.intent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.athenic.execution.IntentAnalyzer.Intent;
import io.athenic.execution.IntentAnalyzer.Turn;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IntentRulesTest {

    private static final Pattern CASE = Pattern.compile("\n=== ");
    private static final Pattern PART = Pattern.compile("\n(?=<(?:user|assistant|message|code)>\n)");

    private final IntentRules rules = new IntentRules();

    /** A row of the tables; no languages: nothing is to be run. */
    record Case(
            String message,
            List<Turn> history,
            List<String> languages,
            @Nullable String code) {}

    @TestFactory
    Stream<DynamicTest> decidesEveryCaseOfTheTables() {
        return Stream.concat(lines().stream(), blocks().stream())
                .map(row -> dynamicTest(row.message().replace('\n', '⏎'), () -> check(row)));
    }

    private void check(Case row) {
        Intent intent = rules.analyze(row.message(), row.history());

        assertThat(intent.requiresExecution())
                .as(intent.reason())
                .isEqualTo(!row.languages().isEmpty());
        if (row.languages().isEmpty()) {
            assertThat(intent.language()).isNull();
            assertThat(intent.code()).isNull();
        } else {
            assertThat(row.languages()).as(intent.reason()).contains(intent.language());
            assertThat(intent.code()).as(intent.reason()).isEqualTo(row.code());
        }
        assertThat(intent.reason()).isNotBlank();
    }

    static List<Case> lines() {
        List<Case> cases = new ArrayList<>();
        for (String line : resource("/intent/lines.txt").lines().toList()) {
            if (line.isBlank() || isHeading(line)) {
                continue;
            }
            String[] columns = line.split(" \\| ", 2);
            int arrow = columns[1].lastIndexOf(" ==> ");
            boolean hasCode = arrow > 0 && !columns[0].equals("no");
            String message = (hasCode ? columns[1].substring(0, arrow) : columns[1]).replace("\\n", "\n");
            String code = hasCode ? columns[1].substring(arrow + 5).replace("\\n", "\n") : null;
            cases.add(new Case(message, List.of(), languages(columns[0]), code));
        }
        return cases;
    }

    private static boolean isHeading(String line) {
        return line.startsWith("# ");
    }

    static List<Case> blocks() {
        List<Case> cases = new ArrayList<>();
        for (String text :
                CASE.splitAsStream("\n" + resource("/intent/blocks.txt")).toList()) {
            if (!text.contains("\n<message>\n")) {
                continue;
            }
            List<Turn> turns = new ArrayList<>();
            String message = "";
            String code = null;
            for (String part :
                    PART.splitAsStream(text.substring(text.indexOf('\n'))).toList()) {
                String body = part.substring(part.indexOf('\n') + 1);
                if (part.startsWith("<user>")) {
                    turns.add(new Turn("user", body));
                } else if (part.startsWith("<assistant>")) {
                    turns.add(new Turn("assistant", body));
                } else if (part.startsWith("<message>")) {
                    message = body.strip();
                } else if (part.startsWith("<code>")) {
                    code = body.stripTrailing();
                }
            }
            cases.add(new Case(message, turns, languages(text.substring(0, text.indexOf('\n'))), code));
        }
        return cases;
    }

    private static List<String> languages(String column) {
        return column.strip().equals("no") ? List.of() : List.of(column.strip().split(","));
    }

    private static String resource(String name) {
        try (InputStream in = Objects.requireNonNull(IntentRulesTest.class.getResourceAsStream(name))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void anEmptyMessageAsksForNothing() {
        assertThat(rules.analyze("", List.of()).requiresExecution()).isFalse();
        assertThat(rules.analyze(" \n\t ", List.of()).requiresExecution()).isFalse();
    }

    @Test
    void whatThePersonForcesIsRunWithTheCodeThatIsThere() {
        assertThat(rules.force("explain this:\n```python\nprint(1)\n```").code())
                .isEqualTo("print(1)");
        assertThat(rules.force("hello").requiresExecution()).isTrue();
        assertThat(rules.force("hello").code()).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a", "a ", "(", "`", "` ", "\"", "' ", "[ for x in ", "x = 1\n", "print(\n", "run ls and ", "1+",
                        "a,b,1,2\n",
                "$ ls\n", "a.", "a.b(", "select a from ", "-", "<- ", "a@b ", "please ", "```\n", "hi ", "> ls\n", "\\",
                        "\u2063",
                "def f(x):\n", "not ", ": ", "https://a.b/", "run run ", "((((", "🙂"
            })
    @Timeout(180)
    void aMessageOfTheLargestSizeIsDecidedWhateverItHolds(String piece) {
        String message = piece.repeat(256 * 1024 / piece.length());

        assertThat(rules.analyze(message, List.of(new Turn("user", message), new Turn("assistant", message)))
                        .reason())
                .isNotBlank();
    }

    /** Words that a pattern may take in two ways double its work each: thirty of them would take hours. */
    @ParameterizedTest
    @ValueSource(strings = {"a ", "the ", "all ", "my ", "new ", "of ", "files ", "me ", "1 "})
    @Timeout(180)
    void fillingWordsAfterAVerbDoNotMultiplyTheWork(String filling) {
        for (String verb :
                List.of("run ", "create ", "show ", "fix the ", "build ", "check if ", "set ", "how many ")) {
            assertThat(rules.analyze(verb + filling.repeat(60), List.of()).reason())
                    .isNotBlank();
        }
    }
}
