package io.athenic.chat.intent;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Names of languages: in fences, in prose, of files, and by the looks of code. */
final class Languages {

    /** Info strings of fences, and the language they mean. */
    private static final Map<String, String> INFO = Map.ofEntries(
            Map.entry("python", "python"),
            Map.entry("py", "python"),
            Map.entry("python3", "python"),
            Map.entry("ipython", "python"),
            Map.entry("pycon", "python"),
            Map.entry("jupyter", "python"),
            Map.entry("javascript", "javascript"),
            Map.entry("js", "javascript"),
            Map.entry("node", "javascript"),
            Map.entry("nodejs", "javascript"),
            Map.entry("mjs", "javascript"),
            Map.entry("jsx", "javascript"),
            Map.entry("typescript", "typescript"),
            Map.entry("ts", "typescript"),
            Map.entry("tsx", "typescript"),
            Map.entry("bash", "bash"),
            Map.entry("sh", "bash"),
            Map.entry("shell", "bash"),
            Map.entry("zsh", "bash"),
            Map.entry("console", "bash"),
            Map.entry("terminal", "bash"),
            Map.entry("shell-session", "bash"),
            Map.entry("shellsession", "bash"),
            Map.entry("fish", "bash"),
            Map.entry("r", "r"),
            Map.entry("rscript", "r"),
            Map.entry("java", "java"),
            Map.entry("sql", "sql"),
            Map.entry("sqlite", "sql"),
            Map.entry("postgres", "sql"),
            Map.entry("postgresql", "sql"),
            Map.entry("mysql", "sql"),
            Map.entry("plpgsql", "sql"),
            Map.entry("tsql", "sql"),
            Map.entry("go", "go"),
            Map.entry("golang", "go"),
            Map.entry("rust", "rust"),
            Map.entry("rs", "rust"),
            Map.entry("c", "c"),
            Map.entry("h", "c"),
            Map.entry("cpp", "cpp"),
            Map.entry("c++", "cpp"),
            Map.entry("cc", "cpp"),
            Map.entry("cxx", "cpp"),
            Map.entry("csharp", "csharp"),
            Map.entry("cs", "csharp"),
            Map.entry("c#", "csharp"),
            Map.entry("ruby", "ruby"),
            Map.entry("rb", "ruby"),
            Map.entry("php", "php"),
            Map.entry("kotlin", "kotlin"),
            Map.entry("kt", "kotlin"),
            Map.entry("kts", "kotlin"),
            Map.entry("scala", "scala"),
            Map.entry("swift", "swift"),
            Map.entry("perl", "perl"),
            Map.entry("pl", "perl"),
            Map.entry("lua", "lua"),
            Map.entry("julia", "julia"),
            Map.entry("jl", "julia"),
            Map.entry("powershell", "powershell"),
            Map.entry("ps1", "powershell"),
            Map.entry("pwsh", "powershell"),
            Map.entry("haskell", "haskell"),
            Map.entry("hs", "haskell"),
            Map.entry("elixir", "elixir"),
            Map.entry("ex", "elixir"),
            Map.entry("exs", "elixir"),
            Map.entry("dart", "dart"),
            Map.entry("clojure", "clojure"),
            Map.entry("clj", "clojure"),
            Map.entry("erlang", "erlang"),
            Map.entry("ocaml", "ocaml"),
            Map.entry("fsharp", "fsharp"),
            Map.entry("f#", "fsharp"),
            Map.entry("groovy", "groovy"),
            Map.entry("octave", "octave"),
            Map.entry("matlab", "matlab"),
            Map.entry("awk", "bash"),
            Map.entry("fortran", "fortran"),
            Map.entry("nim", "nim"),
            Map.entry("zig", "zig"),
            Map.entry("deno", "typescript"),
            Map.entry("coffeescript", "coffeescript"));

    /** Info strings of blocks that hold no code to run. */
    private static final Set<String> DATA = Words.of("""
            text txt plain plaintext output out log logs csv tsv json jsonl json5 ndjson yaml yml toml ini xml html css
            scss markdown md diff patch traceback error stderr stdout data conf config properties env dotenv nginx
            dockerfile docker makefile graphql proto mermaid latex tex result results svg http email terraform hcl
            gitignore table requirements none quote stacktrace
            """);

    /** Endings of source files. */
    private static final Map<String, String> EXTENSIONS = Map.ofEntries(
            Map.entry("py", "python"),
            Map.entry("ipynb", "python"),
            Map.entry("js", "javascript"),
            Map.entry("mjs", "javascript"),
            Map.entry("cjs", "javascript"),
            Map.entry("jsx", "javascript"),
            Map.entry("ts", "typescript"),
            Map.entry("tsx", "typescript"),
            Map.entry("sh", "bash"),
            Map.entry("bash", "bash"),
            Map.entry("r", "r"),
            Map.entry("java", "java"),
            Map.entry("sql", "sql"),
            Map.entry("go", "go"),
            Map.entry("rs", "rust"),
            Map.entry("c", "c"),
            Map.entry("cpp", "cpp"),
            Map.entry("cc", "cpp"),
            Map.entry("cs", "csharp"),
            Map.entry("rb", "ruby"),
            Map.entry("php", "php"),
            Map.entry("kt", "kotlin"),
            Map.entry("scala", "scala"),
            Map.entry("swift", "swift"),
            Map.entry("pl", "perl"),
            Map.entry("lua", "lua"),
            Map.entry("jl", "julia"),
            Map.entry("ps1", "powershell"));

    private static final String NAMES =
            "python ?3?|py3|javascript|js|node(?:\\.?js)?|typescript|ts|deno|bun|bash|shell|sh|zsh"
                    + "|terminal|r|rscript|java|sql|sqlite|postgres(?:ql)?|mysql|go|golang|rust|c|c\\+\\+|cpp|c#|csharp|ruby|php|kotlin"
                    + "|scala|swift|perl|lua|julia|powershell|pwsh|pandas|numpy|matplotlib|haskell|elixir|awk";

    /** "in R", "with node", "using bash". The name is the last word of the phrase. */
    private static final Pattern NAMED_BY_PREPOSITION = Words.pattern(
            "\\b(?:in|using|use|with|via|through|into|as) (?:an? |the |plain |pure |vanilla |modern |some )?(" + NAMES
                    + ")(?![\\w+#.-]*[\\w+#])(?! (?:file|files|format|developer|code interpreter template))");

    /** "a Go program", "the bash script". */
    private static final Pattern NAMED_BY_NOUN = Words.pattern("(?<![\\w.+#-])(" + NAMES
            + ")[ -](?:script|program|code|function|snippet|one-?liner|version|class|query|queries|command|commands|loop"
            + "|implementation|solution|repl|interpreter|expression|method|module|app|test|benchmark|example|cell|statement"
            + "|file|lambda|regex|shell|console|block|line|lines|equivalent|session|test suite|tests)\\b");

    private static final Pattern SOURCE_FILE = Words.pattern(
            "(?<![\\w@./-])[\\w./-]{0,120}\\w\\.(py|ipynb|mjs|cjs|jsx|js|tsx|ts|bash|sh|java|sql|go|rs|cpp|cc|cs|rb|php|kts?|scala|swift|pl"
                    + "|lua|jl|ps1|R|r|c)(?![\\w.]*\\w)");

    private Languages() {}

    static boolean isInfo(String word) {
        String info = word.toLowerCase(Locale.ROOT);
        return INFO.containsKey(info) || DATA.contains(info);
    }

    static @Nullable String ofInfo(String info) {
        return INFO.get(info);
    }

    static boolean isDataInfo(String info) {
        return DATA.contains(info);
    }

    /** The language that the prose (lower case) names for the run; null when it names none. */
    static @Nullable String named(String prose) {
        String last = null;
        Matcher preposition = NAMED_BY_PREPOSITION.matcher(prose);
        if (preposition.find()) {
            last = canonical(preposition.group(1));
        }
        if (last != null) {
            return last;
        }
        Matcher noun = NAMED_BY_NOUN.matcher(prose);
        return noun.find() ? canonical(noun.group(1)) : null;
    }

    /** The language of the first source file that the text names; null when it names none. */
    static @Nullable String ofFileIn(String text) {
        Matcher file = SOURCE_FILE.matcher(text);
        return file.find() ? EXTENSIONS.get(file.group(1).toLowerCase(Locale.ROOT)) : null;
    }

    private static @Nullable String canonical(String name) {
        return switch (name) {
            case "python 3", "python3", "py3", "pandas", "numpy", "matplotlib" -> "python";
            case "terminal", "awk" -> "bash";
            case "bun" -> "javascript";
            case "node.js" -> "javascript";
            default -> INFO.getOrDefault(name, name);
        };
    }

    private record Sign(String language, Pattern pattern, int weight) {}

    private static Sign sign(String language, int weight, String regex) {
        return new Sign(language, Words.pattern(regex, Pattern.MULTILINE), weight);
    }

    /** What gives a language away. All of them are searched; the heaviest language wins, the first on a tie. */
    private static final List<Sign> SIGNS = List.of(
            sign(
                    "python",
                    4,
                    "^\\s*(?:def \\w+\\(.*|class \\w+(?:\\(.*\\))?|async def .*|elif .*|except\\b.*|try|with .+ as \\w+|for [\\w, ()]+ in .+|while .+|if .+|else):\\s*(?:#.*)?$"),
            sign("python", 4, "^\\s*(?:from [\\w.]+ import |import \\w+(?:\\.\\w+)*(?: as \\w+)?(?:, ?\\w+)*\\s*$)"),
            sign(
                    "python",
                    2,
                    "(?:^|[\\s=(\\[,])(?:print|len|range|input|sum|sorted|enumerate|zip|map|str|int|float|list|dict|set|max|min|open|isinstance|type)\\("),
            sign(
                    "python",
                    3,
                    "\\b(?:None|True|False|lambda \\w+|self\\.\\w+|__\\w+__)\\b|\\bf\"|\\bf'|\"\"\"|\\bnp\\.|\\bpd\\.|\\bplt\\."),
            sign("python", 3, "\\[.+ for \\w+(?:, ?\\w+)* in .+\\]|\\bfor \\w+ in \\w+.*[)\\]}]|^%\\w+|^!\\w+"),
            sign(
                    "javascript",
                    4,
                    "\\bconsole\\.(?:log|error|table|time)\\(|\\brequire\\(['\"]|\\bdocument\\.|\\bprocess\\.(?:argv|env|exit)|\\bJSON\\.(?:stringify|parse)\\("),
            sign(
                    "javascript",
                    3,
                    "^\\s*(?:const|let|var) [\\w{\\[].*=|=>|\\bfunction\\s*\\w*\\s*\\(|\\bnew (?:Date|Promise|Map|Set|Array)\\b|===|!=="),
            sign(
                    "javascript",
                    4,
                    "^\\s*(?:import .+ from ['\"]|export (?:default|const|function) )|\\bMath\\.(?:max|min|random|floor|PI|sqrt|pow|round)\\b|\\.(?:forEach|toFixed|padStart)\\("),
            sign(
                    "typescript",
                    6,
                    "\\b(?:const|let|var|function) \\w+(?:\\([^)\\n]*\\w\\??: ?\\w+|: ?(?:string|number|boolean|any|unknown|\\w+\\[\\]|Record<|Array<|Map<))|^\\s*(?:interface|type) \\w+(?:<.+>)? ?(?:=|\\{)|\\): ?(?:string|number|boolean|void|Promise<)"),
            sign(
                    "java",
                    6,
                    "\\bpublic (?:static|class|final|interface|record)\\b|System\\.out\\.print|\\bpublic static void main|^import java[x.]|\\bprivate (?:final |static )*\\w+ \\w+;"),
            sign("csharp", 8, "\\bConsole\\.Write(?:Line)?\\(|^using System|\\bnamespace \\w+[;{ ]"),
            sign(
                    "cpp",
                    7,
                    "#include ?<(?:iostream|vector|string|map|algorithm|bits/stdc\\+\\+\\.h|memory|cmath|set|unordered_map|chrono|thread)>|\\bstd::|\\bcout ?<<|\\busing namespace std"),
            sign("c", 5, "#include ?<\\w+\\.h>|\\bint main\\(|\\bprintf\\(\"[^\"]*\\\\n|\\bmalloc\\("),
            sign("go", 8, "^package \\w+\\s*$|\\bfmt\\.Print|^func (?:\\(\\w+ \\*?\\w+\\) )?\\w+\\(.*\\{|\\w+ := "),
            sign(
                    "rust",
                    7,
                    "\\bfn \\w+\\s*(?:<.*>)?\\(.*\\{?|\\bprintln!\\(|\\blet mut \\w+|^use std::|\\bimpl \\w+|\\bvec!\\["),
            sign(
                    "ruby",
                    6,
                    "^\\s*puts\\b|\\bdo \\|\\w+(?:, ?\\w+)*\\||\\.each\\b|^\\s*def \\w+[?!]?(?:\\(.*\\))?\\s*$|^\\s*end\\s*$|^require ['\"]|\\.(?:map|select|times|inject|reduce|sum)\\s*(?:\\{ ?\\||\\(&:)|\\battr_accessor\\b"),
            sign("php", 9, "<\\?php|^\\s*\\$\\w+\\s*=[^=].*;|\\becho ['\"$].*;\\s*$|\\barray_\\w+\\("),
            sign(
                    "kotlin",
                    7,
                    "\\bfun main\\(|\\bfun \\w+\\(|^\\s*val \\w+.*=.*\\b(?:listOf|mapOf|arrayOf|mutableListOf)\\("),
            sign(
                    "scala",
                    7,
                    "\\bobject \\w+ (?:extends App|\\{)|\\bdef \\w+\\(.*\\): ?\\w+ ?=|^\\s*val \\w+ = (?:List|Seq|Map|Array|Vector)\\(|\\bextends App\\b"),
            sign(
                    "swift",
                    7,
                    "^import (?:Foundation|UIKit|SwiftUI)|\\bfunc \\w+\\(.*\\) -> |\\bguard let\\b|\\bvar \\w+: \\[?\\w+\\]? = |\\\\\\(\\w+\\)"),
            sign("perl", 8, "^\\s*use strict;|^\\s*my [\\$@%]\\w+|\\bprint \".*\\\\n\";|=~ [ms]?/|^use warnings"),
            sign(
                    "lua",
                    7,
                    "^\\s*local (?:function )?\\w+|\\bthen\\s*$|\\bio\\.write\\(|\\bipairs\\(|\\bpairs\\(|\\bfor \\w+ ?= ?.+,.+ do\\b|string\\.format\\("),
            sign(
                    "julia",
                    7,
                    "(?<![.\\w])println\\((?!!)|^using (?:DataFrames|Plots|LinearAlgebra|Statistics|Random)|\\bfunction \\w+\\(.*\\)\\s*$|^\\s*@(?:time|show|btime)\\b|\\w\\.\\(|\\bfor \\w+ (?:in|=) \\d+:\\w+"),
            sign(
                    "r",
                    7,
                    "<- |\\blibrary\\(|\\bc\\([\\d\"'\\w., -]+\\)|\\bdata\\.frame\\(|\\bggplot\\(|%>%|\\|>|\\b(?:rnorm|runif|paste0|sapply|lapply|read\\.csv)\\("),
            sign(
                    "sql",
                    9,
                    "(?i)^\\s*(?:select\\b[\\s\\S]{0,400}?\\bfrom\\b|select \\d|insert into |update \\w+ set |delete from |create (?:or replace )?(?:temp(?:orary)? )?(?:table|view|index|database) |drop (?:table|view|database) |alter table |with \\w+ as \\(|explain (?:analyze )?select|truncate table )"),
            sign(
                    "powershell",
                    9,
                    "\\b(?:Get|Set|New|Remove|Write|Invoke|Select|Where|ForEach|Start|Stop|Test|Import|Export|ConvertTo|Measure|Sort)-[A-Z]\\w+|\\$env:\\w+|\\$PSVersionTable"),
            sign("haskell", 7, "^main ::|^main = |\\bputStrLn\\b|^\\w+ :: .+ ->"),
            sign("elixir", 8, "\\bIO\\.puts\\b|\\bdefmodule\\b|\\|> Enum\\.|\\bEnum\\.\\w+\\("),
            sign("bash", 8, "^#!.*\\b(?:ba|z|da)?sh\\b|^#!/usr/bin/env (?:ba|z)?sh"),
            sign("python", 9, "^#!.*python"),
            sign("javascript", 9, "^#!.*node"),
            sign(
                    "bash",
                    6,
                    "^\\s*(?:fi|done|esac)\\b|;\\s*(?:do|then)\\b|\\becho [\"'$\\w].*(?<!;)$|\\$\\(|\\$\\{?\\w+\\}?(?=[\"\\s/]|$)|^\\s*export \\w+=|<<-? ?['\"]?[A-Z]+"));

    /** The language of code by its looks; null when nothing gives it away. */
    static @Nullable String ofCode(String code) {
        String head = code.length() > 8_000 ? code.substring(0, 8_000) : code;
        if (Shell.startsWithCommand(head)) {
            return "bash";
        }
        Map<String, Integer> weights = new java.util.LinkedHashMap<>();
        for (Sign sign : SIGNS) {
            if (sign.pattern().matcher(head).find()) {
                weights.merge(sign.language(), sign.weight(), Integer::sum);
            }
        }
        // What TypeScript, C++ and Kotlin share with the older language speaks for both.
        share(weights, "typescript", "javascript");
        share(weights, "cpp", "c");
        String best = null;
        int most = 0;
        for (Map.Entry<String, Integer> entry : weights.entrySet()) {
            if (entry.getValue() > most) {
                best = entry.getKey();
                most = entry.getValue();
            }
        }
        return best;
    }

    private static void share(Map<String, Integer> weights, String special, String general) {
        Integer own = weights.get(special);
        Integer shared = weights.get(general);
        if (own != null && shared != null) {
            weights.put(special, own + shared);
        }
    }
}
