package io.athenic.chat.intent;

import io.athenic.chat.intent.Fences.Block;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What of a message is code that might be run, and what is talk about it.
 *
 * @param code null when the message carries none
 * @param language of the code; null without code
 * @param prose the message without its code and without blocks of data
 * @param asked true when the words around the code already say that it is to be run ("run ls -la")
 * @param data true when the message carries a block of data, output or a log
 */
record Carried(@Nullable String code, @Nullable String language, String prose, boolean asked, boolean data) {

    private static final Pattern DATA_INTRO = Words.pattern(
            "(?i).*\\b(?:output|outputs|prints?|printed|expected|result|results|error|errors|traceback|log|logs|get|got|getting|says"
                    + "|input|data|csv|json|yaml|config|contents?|file contains|response|stack trace|message|warning)\\b[^.]{0,40}[:.]?\\s*");
    private static final Pattern CODE_INTRO =
            Words.pattern("(?i).*\\b(?:run|execute|code|script|program|snippet|command|function|query|try|test)\\b.*");
    private static final Pattern ORDINAL = Words.pattern(
            "(?i)\\b(?:run|execute|only|just|try) (?:only |just )?(?:the )?(first|second|third|last|latter|former)\\b");

    static Carried find(String message) {
        Fences fences = Fences.split(message);
        Carried fenced = fromBlocks(fences);
        if (fenced != null) {
            return fenced;
        }
        boolean data = !fences.blocks().isEmpty();
        String text = fences.prose();
        Prompts.Session session = Prompts.read(text);
        if (session != null) {
            return new Carried(session.code(), session.language(), session.rest(), false, data);
        }
        boolean oneLine = text.strip().indexOf('\n') < 0;
        RunPhrase.Found marked = oneLine ? RunPhrase.marked(text) : null;
        if (marked != null) {
            return new Carried(marked.code(), marked.language(), marked.rest(), true, data);
        }
        CodeLines.Found bare = CodeLines.find(text);
        if (bare != null && (!oneLine || bare.rest().replace(Fences.MARK, "").isBlank())) {
            return new Carried(bare.code(), bare.language(), bare.rest(), false, data);
        }
        RunPhrase.Found phrase = RunPhrase.find(text);
        if (phrase != null) {
            return new Carried(phrase.code(), phrase.language(), phrase.rest(), phrase.asked(), data);
        }
        if (bare != null) {
            return new Carried(bare.code(), bare.language(), bare.rest(), false, data);
        }
        return new Carried(null, null, text, false, data);
    }

    boolean isOnlyCode() {
        return code != null && Cues.isPoliteness(prose.replace(Fences.MARK, " "));
    }

    private static @Nullable Carried fromBlocks(Fences fences) {
        List<Part> parts = new ArrayList<>();
        boolean data = false;
        for (Block block : fences.blocks()) {
            Part part = part(block);
            if (part == null) {
                data = true;
            } else {
                parts.add(part);
            }
        }
        if (parts.isEmpty()) {
            return null;
        }
        List<Part> wanted = chosen(parts, fences.prose());
        String language = wanted.get(0).language();
        List<String> codes = new ArrayList<>();
        for (Part part : wanted) {
            if (part.language().equals(language)) {
                codes.add(part.code());
            }
        }
        return new Carried(String.join("\n", codes), language, fences.prose(), false, data);
    }

    private record Part(String code, String language) {}

    /** "run the second one". */
    private static List<Part> chosen(List<Part> parts, String prose) {
        Matcher ordinal = ORDINAL.matcher(prose);
        if (parts.size() < 2 || !ordinal.find()) {
            return parts;
        }
        int index = switch (ordinal.group(1).toLowerCase(java.util.Locale.ROOT)) {
            case "first", "former" -> 0;
            case "second" -> 1;
            case "third" -> 2;
            default -> parts.size() - 1;
        };
        return index < parts.size() ? List.of(parts.get(index)) : parts;
    }

    /** The code of a block; null when it holds data, output or configuration. */
    private static @Nullable Part part(Block block) {
        String body = CodeLines.dedent(block.body());
        if (body.isBlank() || Languages.isDataInfo(block.info())) {
            return null;
        }
        String named = Languages.ofInfo(block.info());
        Prompts.Session session = startsWithPrompt(body) ? Prompts.read(body) : null;
        if (session != null) {
            return new Part(session.code(), named == null || named.equals("bash") ? session.language() : named);
        }
        if (named != null) {
            return new Part(body, named);
        }
        if (!block.intro().endsWith("?")
                && DATA_INTRO.matcher(block.intro()).matches()
                && !CODE_INTRO.matcher(block.intro()).matches()) {
            return null;
        }
        CodeLines.Found found = CodeLines.find(body);
        String guess = Languages.ofCode(body);
        if (found == null ? guess == null : outputMixed(found, body)) {
            return null;
        }
        return new Part(body, guess == null ? "python" : guess);
    }

    /** A block that is mostly no code: a log with a line that looks like some. */
    private static boolean outputMixed(CodeLines.Found found, String body) {
        return found.code().length() * 2 < body.length();
    }

    private static boolean startsWithPrompt(String body) {
        String first = body.lines().filter(line -> !line.isBlank()).findFirst().orElse("");
        return Prompts.read(first) != null;
    }
}
