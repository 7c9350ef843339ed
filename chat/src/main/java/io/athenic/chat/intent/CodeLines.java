package io.athenic.chat.intent;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Finds code that stands in a message without any mark, line by line. */
final class CodeLines {

    /** Bare code and the prose around it. */
    record Found(String code, String language, String rest) {}

    private enum Kind {
        BLANK,
        /** Code for itself. */
        CODE,
        /** Code beside code: comments, closing brackets, indented lines. */
        WEAK,
        /** Data, output, tracebacks: never code. */
        OUTPUT,
        PROSE
    }

    private static final int LINES = 20_000;
    private static final int LINE_CHARACTERS = 2_000;

    private static final List<Pattern> CODE = compile(
            // Python
            "(?:from [\\w.]+ import [\\w*(].*|import [\\w.]+(?: as \\w+)?(?:, ?[\\w.]+(?: as \\w+)?)*)",
            "(?:async )?def \\w+\\s*\\(.*",
            "class \\w+(?:\\(.*\\))?\\s*[:{].*",
            "(?:for \\w[\\w, ()]* in [\\w\\[(\"'{].*|while (?:True|1|\\w+\\s*[<>!=(.].*|not .+|\\(.*)|with [\\w.]+\\(.*)\\s*:.*",
            "(?:if|elif) (?:not |\\()?[\\w.]+[\\w.()\\[\\]'\" ]*(?:[=<>!]=|[<>%]| in | is | and | or ).*:\\s*\\S*.*",
            "(?:if|elif) [\\w.()\\[\\]_]+\\s*:",
            "(?:if|elif) __name__.*",
            "(?:else|try|finally)\\s*:.*",
            "except(?: \\(?[A-Z]\\w*.*)?:.*",
            "(?:return|yield|raise|assert|del|global|nonlocal) [\\w\\[({\"'-]\\S*(?:\\s*[-+*/%,=<>.(\\[].*)?",
            "(?:print|await|lambda) ?\\(.*",
            "@\\w[\\w.]*(?:\\(.*\\))?",
            "%(?:matplotlib|timeit|time|run|pip|load_ext|cd|ls|who|env)\\b.*|%%\\w+.*",
            "![a-z][\\w-]* .*",
            // Assignments and calls, in most languages
            "(?:[\\w.]+(?:\\[[^\\]]*\\])*(?:\\s*,\\s*[\\w.]+)*)\\s*(?:[-+*/%|&^]|//|\\*\\*)?=(?!=)\\s*[\\w\\[({\"'`$.<&!~@-].*",
            "\\w+ ?(?:: ?[\\w\\[\\], .|\"]+)? ?:?= ?\\S.*",
            "[\\w$][\\w.$]*(?:::\\w+)*!?\\(.*\\)(?:[.\\[].*)?\\s*;?\\s*(?:#.*|//.*)?",
            "[\\w.]+\\(",
            "[\\w.]+\\([^)]*[,(\\[{]",
            "\\[.+ for \\w+ in .+\\].*|\\{.+ for \\w+ in .+\\}.*|[\\[({].*\\)?\\.\\w+\\(.*\\).*",
            "(?:sum|max|min|sorted|len|list|set|any|all)\\(.+\\)",
            "\\w+\\[[^\\]]+\\](?:\\[[^\\]]+\\])*(?:\\.\\w+\\(.*\\))?",
            "(?:import [\\w.]+(?: as \\w+)?|from [\\w.]+ import \\w+|\\w+ ?= ?[^;]+); ?\\S.*",
            // JavaScript, TypeScript
            "(?:export |declare )?(?:const|let|var) [\\w${\\[].*[=;].*",
            "(?:export |async |export default )*function\\*? ?\\w*\\s*\\(.*",
            "(?:import|export) .*(?:from )?['\"].*['\"];?",
            "(?:export )?(?:interface|enum|type) \\w+(?:<.*>)?\\s*[={].*",
            "console\\.\\w+\\(.*",
            "(?:if|for|while|switch|catch|else if|foreach|do|else|try|finally)\\s*(?:\\(.*\\))?\\s*\\{.*",
            "(?:if|for|while) ?\\(.*\\).*[;{)]",
            "\\} ?(?:else|catch|finally|while).*",
            "\\(?(?:async )?\\(?[\\w, ]*\\)? ?=> ?.*",
            "(?:await|new|throw|typeof) \\w+[\\w.]*\\(.*",
            // C, C++, Java, C#, Go, Rust, Swift, Kotlin, Scala
            "#include ?[<\"].*|#define \\w+.*|#pragma .*",
            "(?:using|use|extern crate|open) [\\w.:{}*, ]+;|use \\w+::.*|(?:namespace|package|module) [\\w.]+;?",
            "(?:public|private|protected|static|final|abstract|internal|sealed|override|virtual|pub|unsafe)\\b.*[{;(=].*",
            "(?:int|long|float|double|char|bool|boolean|void|auto|string|String|size_t|unsigned|List<.*>|Map<.*>|var|std::\\w+.*|vector<.*>) \\*?\\w+(?:\\[.*\\])?\\s*(?:[=;(,{].*)?[;{)(,]",
            "(?:fn|func|fun|impl|struct|trait|enum|interface|object|record|data class|case class|protocol|extension|macro_rules!) ?\\(?[\\w<].*[{(=:].*",
            "(?:val|let mut|let|var|mut) \\w+.*=.*",
            "(?:println|print|printf|puts|echo|cout|std::cout|fmt\\.\\w+|System\\.out\\.\\w+|Console\\.\\w+|vec|assert|panic|format|write)!?\\s*(?:\\(|<<).*",
            ".*(?:\\w|\\)|\\]|\"|')\\s*;\\s*(?://.*)?",
            "#!\\s?/.*",
            "<\\?php.*|<\\?=.*",
            "\\$\\w+(?:->|\\[|\\s*=).*",
            // Ruby, Perl, Lua, Julia, R, Elixir, Haskell
            "puts (?:[\"'\\w\\[(:#].*)|require(?:_relative)? ['\"].*|attr_\\w+ :.*|def (?:self\\.)?\\w+[?!=]?",
            "\\S.* do(?: \\|.*\\|)?",
            "[\\w.@()\\[\\]:\"' ]+\\.(?:each|map|select|times|reduce|upto|inject|filter|forEach|sort_by|each_with_index)\\b.*",
            "(?:my|our|use|no) [\\w$@%(][\\w:$@%,() ]*(?:=.*)?;",
            "(?:local|function) \\w+.*(?:=|\\().*",
            "for \\w+ ?= ?[^,]+,.+ do|for [\\w, ]+ in i?pairs\\(.*\\) do",
            "(?:if|elseif|unless|until) .+ then",
            "[\\w.$]+ ?(?:<-|<<-|->|:=) ?\\S.*",
            "(?:library|require|source|set\\.seed|install\\.packages|data|plot|hist|summary|head|str|cat|paste|ggplot)\\(.*\\).*",
            ".*\\|> ?\\w+.*|.*%>% ?\\w*.*",
            "(?:defmodule|defp|def) .* do",
            "\\w+ :: .+ -> .+|main = do|main = .+",
            // SQL
            "(?i:select (?:distinct |top \\d+ )?(?:\\*|\\d|[\\w.\"`]+(?:\\(.*\\))?(?: as \\w+)?(?:\\s*,.*)?(?: from .*)?|.+ from .+|count\\(.*))",
            "(?i:insert into \\w+.*|update \\w+ set .*|delete from \\w+.*|create (?:or replace )?(?:temp(?:orary)? |unique )?(?:table|view|index|database|function|trigger|schema) .*|drop (?:table|view|database|index) .*|alter table .*|truncate table .*|with (?:recursive )?\\w+ as \\(.*|explain (?:analyze )?(?:query plan )?select .*|pragma \\w+.*|vacuum;?|show (?:tables|databases);?|grant \\w+ on .*)",
            // PowerShell
            "[A-Z][a-z]+-[A-Z]\\w+(?: .*)?|\\$\\w+ ?\\| ?.*|\\$env:\\w+.*");

    private static final List<Pattern> WEAK = compile(
            "#.*|//.*|/\\*.*|\\*/.*|--.*",
            "[\\])}]+[;,)]*.*",
            "(?:end|fi|done|esac|else|begin|pass|break|continue|return|do|then|finally|yield|raise|nil|None|null)\\s*;?",
            "(?i:from [\\w.\"`]+(?: \\w+)?(?: (?:where|join|group|order|limit) .*)?;?|where .*[=<>].*|(?:left |right |inner |outer |full |cross )*join .*|group by .*|order by .*|limit \\d+;?|having .*|union(?: all)?|values ?\\(.*|set \\w+ ?=.*|on \\w+\\.\\w+ ?=.*|and \\w+.*[=<>].*)",
            "[\\w.]+(?:\\[[^\\]]*\\]|\\.\\w+)+",
            "\\w+",
            "[\"'].*[\"'][,)\\]}]*",
            "\\.\\w+\\(.*",
            "[|&]{1,2} .*",
            "\\+ .*|\\?.*|:.*",
            "[-\\w.]+ ?[-+*/%] ?[-\\w.()]+.*");

    private static final List<Pattern> OUTPUT = compile(
            "Traceback \\(most recent call last\\).*",
            "File \".*\", line \\d+.*",
            "(?:[\\w.]+)?(?:Error|Exception|Warning|Interrupt)(?:: .*)?",
            "(?:\\S+: )?line \\d+: .*|.*: command not found|.*: No such file or directory|npm ERR!.*|error(?:\\[E\\d+\\])?: .*|warning: .*|fatal: .*",
            "at [\\w.$<>]+ ?\\(.*\\)|at .*:\\d+:\\d+",
            "\\[?\\d{4}-\\d\\d-\\d\\d[T ]?\\d\\d:\\d\\d.*",
            "[\\[{]\"?[\\w\" :,.\\-\\[\\]{}]*\"\\w+\" ?:.*",
            "(?:Output|Result|Expected|Actual|Input|Error|Stdout|Stderr)\\s*:.*",
            "[^(){};=]*(?:,[^(){};=,]*){3,}",
            "\\|.*\\|.*\\|?");

    private CodeLines() {}

    private static List<Pattern> compile(String... regexes) {
        List<Pattern> patterns = new ArrayList<>();
        for (String regex : regexes) {
            patterns.add(Words.pattern(regex));
        }
        return List.copyOf(patterns);
    }

    /** True when one line is code for itself. */
    static boolean isCode(String line) {
        return kind(line) == Kind.CODE;
    }

    private static Kind kind(String line) {
        String text = line.strip();
        if (text.isEmpty()) {
            return Kind.BLANK;
        }
        if (text.contains(Fences.MARK)) {
            return Kind.PROSE;
        }
        String head = text.length() > LINE_CHARACTERS ? text.substring(0, LINE_CHARACTERS) : text;
        if (Shell.isCommand(head)) {
            return Kind.CODE;
        }
        if (looksLikeProse(head)) {
            return Kind.PROSE;
        }
        if (matches(OUTPUT, head)) {
            return Kind.OUTPUT;
        }
        if (matches(CODE, head)) {
            return Kind.CODE;
        }
        return matches(WEAK, head) ? Kind.WEAK : Kind.PROSE;
    }

    private static boolean matches(List<Pattern> patterns, String text) {
        for (Pattern pattern : patterns) {
            if (pattern.matcher(text).matches()) {
                return true;
            }
        }
        return false;
    }

    private static final Pattern SQL_START =
            Words.pattern("(?i)(?:select|insert|update|delete|create|drop|alter|with|explain|truncate|grant)\\b.*");
    private static final Pattern COMMENT = Words.pattern("(?:#|//|/\\*|\\*|--).*");
    private static final Pattern CALL_OR_BLOCK = Words.pattern(".*(?:\\w\\(.*\\)|[;{}]|[^=<>!]=[^=]|:\\s*$|<-|=>).*");
    private static final Pattern SENTENCE = Words.pattern("(?:[A-Z][\\w']*|[\\w']+,?) (?:[\\w'-]+,? ){2,}.*[.!?:]");

    /** Sentences hold function words; code holds brackets and operators. */
    private static boolean looksLikeProse(String text) {
        if (COMMENT.matcher(text).matches()) {
            return false;
        }
        int english = Shell.englishWords(text);
        boolean syntax = CALL_OR_BLOCK.matcher(text).matches();
        if (SQL_START.matcher(text).matches() && (syntax || english <= 4)) {
            return false;
        }
        if (english >= 3 && !(text.endsWith(";") || text.endsWith("{") || startsLikeCode(text))) {
            return true;
        }
        return !syntax && english >= 2 && SENTENCE.matcher(text).matches();
    }

    private static final Pattern CODE_START = Words.pattern(
            "(?:[\\w.\\[\\]'\"]+ ?[-+*/]?= ?[\\w\\[({\"'f-]|print\\(|\\w[\\w.]*\\([\"'\\w\\[({)].*\\)$|(?:def|class) \\w+|for \\w+ ?= ?[\\d\\w#]+,|from [\\w.]+ import|(?:for|if|while|elif|with) .*:$|return |\\[.* for .* in .*\\]|const |let |var |console\\.|puts |echo |assert |raise |\\w+ <- ).*");

    private static boolean startsLikeCode(String text) {
        return CODE_START.matcher(text).matches();
    }

    /** The code in a text, with the language of its first region; null when there is none. */
    static @Nullable Found find(String text) {
        List<String> lines = text.lines().limit(LINES).toList();
        List<String> code = new ArrayList<>();
        List<String> rest = new ArrayList<>();
        String language = null;
        int index = 0;
        while (index < lines.size()) {
            int end = regionAt(lines, index);
            if (end == index) {
                rest.add(lines.get(index));
                index = skipTraceback(lines, index, rest);
                continue;
            }
            String region = String.join("\n", lines.subList(index, end)).stripTrailing();
            String guess = Languages.ofCode(region);
            if (language == null) {
                language = guess == null ? "python" : guess;
            }
            if (guess == null || guess.equals(language)) {
                code.add(region);
                rest.add(Fences.MARK);
            }
            index = end;
        }
        if (language == null) {
            return null;
        }
        return new Found(dedent(String.join("\n", code)), language, String.join("\n", rest));
    }

    /** Lines of a traceback are indented code that is not the person's. Answers where to go on. */
    private static int skipTraceback(List<String> lines, int index, List<String> rest) {
        int next = index + 1;
        if (lines.get(index).strip().startsWith("Traceback (most")) {
            while (next < lines.size() && lines.get(next).startsWith("  ")) {
                rest.add(lines.get(next));
                next++;
            }
        }
        return next;
    }

    /** End of the code that begins at {@code start}, which is {@code start} when none does. */
    private static int regionAt(List<String> lines, int start) {
        int first = start;
        while (first < lines.size() && isComment(lines.get(first))) {
            first++;
        }
        if (first >= lines.size() || kind(lines.get(first)) != Kind.CODE) {
            return start;
        }
        Balance balance = new Balance();
        int end = first;
        int index = first;
        while (index < lines.size()) {
            String line = lines.get(index);
            boolean inside = balance.open();
            Kind kind = inside ? Kind.CODE : kind(line);
            boolean indented = index > first && !line.isBlank() && Character.isWhitespace(line.charAt(0));
            if ((kind == Kind.PROSE && !indented) || (kind == Kind.OUTPUT && !inside)) {
                break;
            }
            balance.add(line);
            index++;
            if (kind != Kind.BLANK) {
                end = index;
            }
        }
        return trimWeakTail(lines, first, end);
    }

    /** A lone word after a blank line ("thanks") is no code. */
    private static int trimWeakTail(List<String> lines, int first, int end) {
        int last = end;
        while (last > first + 1
                && lines.get(last - 1).strip().matches("[A-Za-z]+[.!]?")
                && lines.get(last - 2).isBlank()) {
            last--;
            while (last > first + 1 && lines.get(last - 1).isBlank()) {
                last--;
            }
        }
        return last;
    }

    private static boolean isComment(String line) {
        String text = line.strip();
        return text.startsWith("# ")
                || text.startsWith("//")
                || text.startsWith("#!")
                || text.startsWith("-- ")
                || text.startsWith("/*")
                || text.startsWith("* ");
    }

    static String dedent(String code) {
        int indent = Integer.MAX_VALUE;
        for (String line : code.lines().toList()) {
            if (!line.isBlank()) {
                int own = 0;
                while (own < line.length() && (line.charAt(own) == ' ' || line.charAt(own) == '\t')) {
                    own++;
                }
                indent = Math.min(indent, own);
            }
        }
        if (indent == 0 || indent == Integer.MAX_VALUE) {
            return code;
        }
        int cut = indent;
        return String.join(
                "\n",
                code.lines()
                        .map(line -> line.length() >= cut ? line.substring(cut) : line.strip())
                        .toList());
    }

    /** Open brackets, triple quotes, heredocs and continued lines. */
    private static final class Balance {
        private static final Pattern HEREDOC = Words.pattern("<<-?\\s*['\"]?([A-Za-z_]\\w*)['\"]?");
        private int depth;
        private boolean continued;
        private String triple = "";
        private String heredoc = "";
        private char quote;
        private int heldLines;

        boolean open() {
            return (depth > 0 || continued || !triple.isEmpty() || !heredoc.isEmpty() || quote != 0) && heldLines < 500;
        }

        void add(String line) {
            heldLines = open() ? heldLines + 1 : 0;
            String text = line.strip();
            if (!heredoc.isEmpty()) {
                heredoc = text.equals(heredoc) ? "" : heredoc;
                return;
            }
            if (quote != 0 || (heldLines == 0 && Shell.isCommand(text))) {
                quote = quoteAfter(text, quote);
                if (quote != 0) {
                    return;
                }
            }
            for (String mark : new String[] {"\"\"\"", "'''"}) {
                int at = text.indexOf(mark);
                while (at >= 0 && (triple.isEmpty() || triple.equals(mark))) {
                    triple = triple.isEmpty() ? mark : "";
                    at = text.indexOf(mark, at + 3);
                }
            }
            if (!triple.isEmpty()) {
                return;
            }
            continued = text.endsWith("\\");
            var here = HEREDOC.matcher(text);
            if (text.contains("<<") && here.find() && !text.contains("cout") && !text.contains("std::")) {
                heredoc = here.group(1);
                return;
            }
            count(text);
        }

        /** The quote that is open at the end of a shell line. */
        private static char quoteAfter(String text, char before) {
            char open = before;
            for (int i = 0; i < text.length(); i++) {
                char c = text.charAt(i);
                if (c == '\\' && open != '\'') {
                    i++;
                } else if (open != 0) {
                    open = c == open ? 0 : open;
                } else if (c == '"' || c == '\'') {
                    open = c;
                }
            }
            return open;
        }

        private void count(String text) {
            char quote = 0;
            for (int i = 0; i < text.length(); i++) {
                char c = text.charAt(i);
                if (quote != 0) {
                    if (c == '\\') {
                        i++;
                    } else if (c == quote) {
                        quote = 0;
                    }
                } else if (c == '"' || c == '\'') {
                    quote = text.indexOf(c, i + 1) > 0 ? c : 0;
                } else if (c == '#') {
                    return;
                } else if (c == '(' || c == '[' || c == '{') {
                    depth++;
                } else if (c == ')' || c == ']' || c == '}') {
                    depth = Math.max(0, depth - 1);
                }
            }
        }
    }
}
