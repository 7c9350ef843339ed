package io.athenic.chat.intent;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Sessions copied from a terminal or a notebook: keeps what was typed, drops prompts and output. */
final class Prompts {

    /** What was typed in a text. {@code rest}: the lines that belong to no session. */
    record Session(String code, String language, String rest) {}

    private record Kind(Pattern prompt, @Nullable String language, boolean needsCommand) {}

    private static Kind kind(String regex, @Nullable String language, boolean needsCommand) {
        return new Kind(Words.pattern("^\\s{0,8}(?:" + regex + ")(.*)$"), language, needsCommand);
    }

    private static final List<Kind> KINDS = List.of(
            kind(">>> |>>>$", "python", false),
            kind("In ?\\[[\\d ]*\\]: ?", "python", false),
            kind("PS(?: [A-Za-z]:[^>]*| [/~][^>]*)?> ", "powershell", false),
            kind("[A-Za-z]:\\\\[^>]*>", "powershell", false),
            kind("(?:\\([\\w.-]+\\) ?)?[\\w.-]+@[\\w.-]+[: ]?[^$#%]{0,80}[$#%] ", "bash", false),
            kind("\\[[\\w.-]+@[\\w.-]+ [^\\]]{0,80}\\][$#] ", "bash", false),
            kind("(?:bash|sh)-[\\d.]+[$#] ", "bash", false),
            kind("(?:sqlite|mysql|MariaDB \\[\\w+\\])> |\\w+=[#>] ", "sql", false),
            kind("irb\\(main\\):\\d+(?::\\d+)?[>*] ", "ruby", false),
            kind("julia> ", "julia", false),
            kind("scala> ", "scala", false),
            kind("php > ", "php", false),
            kind("(?:\\([\\w.-]+\\) ?)?\\$ (?=\\S)(?!\\d)", "bash", false),
            kind("(?:\\([\\w.-]+\\) ?|[~/][\\w/.-]* )[$%] (?=\\S)", "bash", false),
            kind("[❯➜] (?:~ )?", "bash", false),
            kind("% (?=\\S)", "bash", true),
            kind("# (?=\\S)", "bash", true),
            kind("> (?=\\S)", null, true));

    private static final Pattern CONTINUATION = Words.pattern("^\\s{0,8}(?:\\.\\.\\.(?: |$)|\\s*\\.\\.\\.: ?)(.*)$");
    private static final Pattern SHELL_CONTINUATION = Words.pattern("^\\s{0,8}> ?(.*)$");
    private static final Pattern HEREDOC = Words.pattern("<<-?\\s*['\"]?(\\w+)['\"]?");
    private static final Pattern OUT = Words.pattern("^\\s{0,8}Out ?\\[[\\d ]*\\]:.*$");

    private Prompts() {}

    /** The session that the text holds; null when no line has a prompt. */
    static @Nullable Session read(String text) {
        List<String> typed = new ArrayList<>();
        List<String> rest = new ArrayList<>();
        String language = null;
        boolean inOutput = false;
        boolean strong = false;
        String heredoc = "";
        boolean continued = false;
        for (String line : text.lines().toList()) {
            if (!heredoc.isEmpty() || continued) {
                Matcher shell = SHELL_CONTINUATION.matcher(line);
                String inner = shell.matches() ? shell.group(1) : line;
                typed.add(inner);
                if (inner.strip().equals(heredoc)) {
                    heredoc = "";
                }
                continued = heredoc.isEmpty() && inner.endsWith("\\");
                continue;
            }
            Typed now = typed(line);
            if (now != null && now.weak() && strong) {
                now = null;
            }
            if (now != null) {
                strong |= !now.weak();
                if (language == null) {
                    language = now.language();
                }
                if (language.equals(now.language()) && !now.text().isBlank()) {
                    typed.add(now.text());
                    Matcher here = HEREDOC.matcher(now.text());
                    heredoc = language.equals("bash") && here.find() ? here.group(1) : "";
                    continued = heredoc.isEmpty()
                            && language.equals("bash")
                            && now.text().endsWith("\\");
                }
                inOutput = true;
                continue;
            }
            Matcher more = CONTINUATION.matcher(line);
            if (inOutput && "python".equals(language) && more.matches()) {
                typed.add(more.group(1));
            } else if (line.isBlank()) {
                inOutput = false;
                rest.add(line);
            } else if (!inOutput && !OUT.matcher(line).matches()) {
                rest.add(line);
            }
        }
        if (language == null || typed.isEmpty()) {
            return null;
        }
        return new Session(String.join("\n", typed).stripTrailing(), language, String.join("\n", rest));
    }

    /** @param weak a mark that output may begin with as well */
    private record Typed(String text, String language, boolean weak) {}

    private static @Nullable Typed typed(String line) {
        for (Kind kind : KINDS) {
            Matcher prompt = kind.prompt().matcher(line);
            if (!prompt.matches()) {
                continue;
            }
            String text = prompt.group(1);
            if (!kind.needsCommand()) {
                return new Typed(text, kind.language() == null ? "bash" : kind.language(), false);
            }
            if (Shell.isCommand(text)) {
                return new Typed(text, "bash", true);
            }
            if (kind.language() == null && CodeLines.isCode(text) && !text.startsWith(">")) {
                String guess = Languages.ofCode(text);
                return new Typed(text, guess == null || guess.equals("python") ? "javascript" : guess, true);
            }
            return null;
        }
        return null;
    }
}
