package io.athenic.chat.intent;

import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Lists of words and phrases, written as plain text. */
final class Words {

    private static final String NOT_WITHIN_A_WORD = "(?:(?<!\\w)|(?!\\w))";

    private Words() {}

    /** Words parted by blanks. */
    static Set<String> of(String text) {
        return Stream.of(text.strip().split("\\s+")).collect(Collectors.toUnmodifiableSet());
    }

    /**
     * One pattern of many phrases, one a line, each between word boundaries where it begins or ends with a letter. In a phrase
     * {@code ...} stands for up to 60 characters of the same sentence, the rest is a regular expression. Text is lower case.
     */
    static Pattern phrases(String text) {
        String alternatives = text.lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty() && !line.startsWith("#!"))
                .map(Words::phrase)
                .collect(Collectors.joining("|"));
        return pattern(alternatives);
    }

    /**
     * A pattern whose groups repeat at most 30 times: Java's matcher takes a stack frame for each turn, and a message may hold
     * thousands.
     */
    static Pattern pattern(String regex) {
        return pattern(regex, 0);
    }

    /** As {@link #pattern(String)}, with flags of {@link Pattern}. */
    static Pattern pattern(String regex, int flags) {
        return Pattern.compile(
                regex.replaceAll("(?<!\\\\)\\)\\*(?![+?])", "){0,30}").replaceAll("(?<!\\\\)\\)\\+(?![+?])", "){1,30}"),
                flags);
    }

    private static String phrase(String line) {
        String gaps = line.replace(" ... ", "(?: [^.!?\\n]{0,60})? ");
        String left = Character.isLetter(gaps.charAt(0)) || gaps.charAt(0) == '(' ? "(?<![\\w'])" : "";
        return left + "(?:" + gaps + ")" + NOT_WITHIN_A_WORD;
    }
}
