package io.athenic.chat.intent;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Code within a sentence: "run ls -la please", "what does `print(1)` print?", "print(1) <- run this". */
final class RunPhrase {

    /** Code of a sentence; {@code asked}: the sentence says that it is to be run. */
    record Found(String code, String language, String rest, boolean asked) {}

    private static final int CHARACTERS = 8_000;

    private static final String POLITE =
            "(?:(?:hey|hi|hello|ok|okay|now|then|please|pls|plz|kindly|just|so|also|first|next|great|thanks"
                    + "|yes|cool|alright|right|and|quick|quickly|athenic|assistant)[,!.:]* )*";
    private static final String ASK =
            "(?:(?:can|could|would|will) (?:you|u) (?:please |just |quickly |kindly )*|i(?:'d| would) like (?:you )?to"
                    + " |i (?:want|need) you to |you (?:should|can|may) |let's |let us |go ahead and |would you mind |help me |mind )?";
    private static final String RUN_VERB =
            "(?:re-?run|run|running|execute|executing|exec|eval|evaluate|launch|invoke|issue|try running|try executing"
                    + "|try to run|try out|try|test|benchmark|debug|do(?= (?:an? )?(?:git|npm|pip|docker|apt|ls|curl)\\b))";

    private static final Pattern LEAD = Words.pattern(
            "^" + POLITE + ASK + "(?:please )?" + RUN_VERB + "\\b[:,]? *(.*)$",
            Pattern.CASE_INSENSITIVE | Pattern.DOTALL);

    private static final Pattern INNER_LEAD = Words.pattern(
            "(?:^|[.,;!?:] |\\b(?:and|then|please|you|to|just) )(?:run|execute|eval|evaluate)\\b[:,]? +",
            Pattern.CASE_INSENSITIVE);

    /** "the following python code:", between the verb and the code. */
    private static final Pattern OBJECT = Words.pattern(
            "^(?:(?:the|this|that|these|my|a|an|following|below|simple|quick|little|small|single|next|exact|as is|one)\\s+|(?:this|these|following|it)(?=:))*"
                    + "(?:(?:python3?|javascript|js|node(?:\\.js)?|typescript|bash|shell|sh|terminal|r|ruby|sql|perl|php|go|julia|lua|unix|linux|console|git(?= command)|npm(?= command)|zsh|powershell)(?:\\s+|(?=:)))?"
                    + "(?:(?:code|commands?|snippets?|scripts?|programs?|one-?liners?|lines?|query|queries|expressions?|statements?|cells?|thing|stuff|function|below|following)\\b\\s*)*"
                    + "(?:(?:in|using|with|on|via|through|inside) (?:the |a |my |your )?(?:terminal|shell|bash|python3?|node(?:\\.js)?|sandbox|console|command line|cli|javascript|js|repl|ruby|perl|php|julia|r|powershell)\\b\\s*)?"
                    + "(?:(?:for me|please|now|and (?:show|tell|give) me (?:the )?(?:output|results?))\\b[,]?\\s*)*(?:[:\\u2013\\u2014-]\\s+|:\\s*|(?<=\\s)[-\\u2013\\u2014]\\s)?",
            Pattern.CASE_INSENSITIVE);

    private static final List<Pattern> TAILS = List.of(
            tail(
                    "[,;]? ?(?:&|and|then|and then|so (?:that )?(?:i|we)|to|in order to|because|so) (?:then )?(?:please )?(?:show|tell|give|print|report|explain|send|let|paste|return|share|see|check|summari[sz]e|describe|plot|what|post|display|list|output|say|confirm|interpret|make sure|verify|can|know|i|we|find|look|copy|read|include|walk|analy[sz]e|count)\\b.*"),
            tail(
                    "[,.!;:\\u2013\\u2014-]* ?\\(?(?:please|pls|plz|thanks|thank you|thx|ty|cheers|for me|now|right now|again|asap|real quick|quickly|if you can|will you|would you|ok\\??|okay|once|first|one more time)\\)?[.!? ]*"),
            tail(
                    " (?:in|on|using|with|via|from|inside|within|under) (?:the |a |my |your |our |this |an? )?(?:\\w+ )?(?:terminal|shell|bash|sandbox|console|command line|cli|repo|repository|project|project root|root folder|root directory|python3?|node(?:\\.js)?|server|machine|box|background|repl|notebook|container|workspace|current directory|current folder|powershell|command prompt|environment)[.!?]*"),
            tail(
                    "[.,;!?] (?:what|how|does|is|and|then|tell|show|i|it|the|let|thanks|thank|please|why|give|after|if)\\b.*"),
            tail(" (?:what|how) (?:does|do|is|happens|will|would|comes)\\b.*"),
            tail(" (?:what'?s|whats) .*"));

    private static final Pattern JOIN = Words.pattern(",? (?:and then|followed by|and after that|then|and|,) ");
    private static final Pattern TICKS = Words.pattern("(``?)([^`\\n]{1,2000})\\1");
    private static final Pattern TICK_LEAD = Words.pattern(
            "(?<!when i |when you |if i |if you |when we |after i |after you |before i |before you |once i |what happens on |time i |time you |whenever i |to not |never |not )\\b(?:re-?run|run|runs|running|execute|executing|eval|evaluate|try|exec|invoke|launch|issue|benchmark|time|debug|fix|do)\\b(?: (?!what|how|why)[\\w'-]+){0,6}[: (\"]*$",
            Pattern.CASE_INSENSITIVE);
    private static final Pattern TICK_CHAIN = Words.pattern(
            "^[,;]? ?(?:(?:and|then|and then|followed by|or|plus|after that|,|&)[, ]*){1,3}(?:run |execute |do |also )*$",
            Pattern.CASE_INSENSITIVE);
    private static final Pattern TICK_AFTER = Words.pattern(
            "^[\"')]*[ ,.:;!\\u2013\\u2014-]*(?:<-+|\\u2190|->)? ?(?:please |can you |could you |now )*(?:run|execute|eval|try) (?:this|it|that|for|please|and|now)\\b.*",
            Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
    private static final Pattern ARROW = Words.pattern(
            "^(.+?)\\s*(?:<-{1,2}|<=|\\u2190|\\u2014|\\u2013|--|\\|)\\s*(?:please |pls |can you |could you |just |now )*(?:run|execute|eval|try)\\b.*$",
            Pattern.CASE_INSENSITIVE);
    private static final Pattern AFTERWARDS = Words.pattern(
            "^(.+?)[,;:.!]?\\s+(?:(?:please|pls|can you|could you|now|just|then) )*(?:run|execute|eval|evaluate|try) (?:this|it|that|these|the above|please)\\b.*$",
            Pattern.CASE_INSENSITIVE);
    private static final Pattern OUTPUT_QUESTION = Words.pattern(
            "(?:so |and |but |hey |ok |please )*(?:what (?:does|do|would|will|is|'s)|what's|whats|i (?:want|need) to see|i'd like to see|let me see|can i see|show me|tell me|give me|compute|calculate|find)(?: the)?(?: (?:output|result|value|return value|outcome))?(?: of| from| when i run| if i run)?:? ?(.+?)"
                    + "(?: (?:print|output|return|give|evaluate|produce|yield|display|come out|result in|show|log)s?(?: to| as| out)?)?(?: in (?:python ?3?|javascript|js|node|ruby|r|bash|java|php|go|typescript))?\\s*[?.]*$",
            Pattern.CASE_INSENSITIVE);
    private static final Pattern EXPRESSION = Words.pattern("[-\\w\\s.+*/%()\\[\\]{},:'\"<>=!&|^~]{2,300}");
    private static final Pattern OPERATOR =
            Words.pattern("\\d\\s*(?:\\*\\*|[-+*/%^])\\s*[\\d(]|\\w\\(.*\\)|\\[.*\\]|[\"'].*[\"']\\s*[+*.\\[]");
    private static final Pattern FILE_ONLY = Words.pattern("[\\w./-]+\\.\\w{1,6}");
    private static final java.util.Set<String> LONE = Words.of(
            "make date tree free top who history jobs mount w last ls ll pwd ps df du whoami uptime ifconfig htop env printenv"
                    + " pytest uname lscpu lsblk nproc hostname netstat lsof id tox groups vmstat iostat dmesg cal mypy ruff eslint black"
                    + " tsc jest vitest npm yarn pnpm cargo flake8 pylint ip ss");

    private static Pattern tail(String regex) {
        return Words.pattern(regex + "$", Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
    }

    private RunPhrase() {}

    static @Nullable Found find(String text) {
        String message = text.strip();
        if (message.isEmpty() || message.length() > CHARACTERS) {
            return null;
        }
        Found ticks = fromTicks(message);
        if (ticks != null) {
            return ticks;
        }
        for (String line : message.lines().toList()) {
            Found found = fromLine(line.strip(), message);
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private static @Nullable Found fromLine(String line, String message) {
        if (line.isEmpty() || line.length() > 2_000) {
            return null;
        }
        Matcher arrow = ARROW.matcher(line);
        if (arrow.matches() && isCodeish(arrow.group(1).strip())) {
            return found(arrow.group(1).strip(), message, true);
        }
        Matcher lead = LEAD.matcher(line);
        if (lead.matches()) {
            Found found = fromObject(lead.group(1), message);
            if (found != null) {
                return found;
            }
        }
        Matcher inner = INNER_LEAD.matcher(line);
        while (inner.find()) {
            Found found = fromObject(line.substring(inner.end()), message);
            if (found != null) {
                return found;
            }
        }
        Matcher afterwards = AFTERWARDS.matcher(line);
        if (afterwards.matches() && isCodeish(afterwards.group(1).strip())) {
            return found(afterwards.group(1).strip(), message, true);
        }
        Matcher question = OUTPUT_QUESTION.matcher(line);
        if (question.matches() && isAsked(question.group(1).strip(), line)) {
            return found(question.group(1).strip(), message, true);
        }
        Matcher claim = CLAIM.matcher(line);
        if (claim.matches() && isExpression(claim.group(1).strip())) {
            return found(claim.group(1).strip(), message, true);
        }
        return afterColon(line, message);
    }

    private static final Pattern OUTPUT_WORD =
            Words.pattern("\\b(?:output|result|stdout)\\b", Pattern.CASE_INSENSITIVE);
    private static final Pattern CLAIM = Words.pattern(
            "^(?:so |and |but )?(?:does|is|will|would|do) (.+?) (?:return|print|give|evaluate to|equal|equals|yield|output|really|the same as|still) .*\\?$",
            Pattern.CASE_INSENSITIVE);
    private static final Pattern WORDS_BEHIND = Words.pattern(".*[)\\]\"'] [a-z]+(?: .*)?");

    private static boolean isAsked(String code, String line) {
        return (isExpression(code) && !WORDS_BEHIND.matcher(code).matches())
                || (Shell.isCommand(code) && OUTPUT_WORD.matcher(line).find());
    }

    /** What follows "run": its code, if it is some. */
    private static @Nullable Found fromObject(String object, String message) {
        Matcher words = OBJECT.matcher(object);
        boolean announced = words.find() && words.end() > 0;
        String rest = announced ? object.substring(words.end()).strip() : object.strip();
        boolean colon = announced && words.group().stripTrailing().endsWith(":");
        for (String candidate : List.of(rest, object.strip())) {
            String code = commands(candidate);
            if (code != null) {
                return found(code, message, true);
            }
        }
        if (colon && !rest.isEmpty() && Shell.englishWords(rest) < 4 && hasPunctuation(rest)) {
            return found(trim(rest), message, true);
        }
        return null;
    }

    /** One command or several joined by words; null when it is none. */
    private static @Nullable String commands(String text) {
        String best = null;
        String current = text;
        for (int round = 0; round < 4; round++) {
            String plain = trim(current);
            String several = joined(plain);
            if (several != null) {
                return several;
            }
            if (isCodeish(plain) || LONE.contains(plain)) {
                best = plain;
            }
            String shorter = cutTail(current);
            if (shorter.equals(current)) {
                break;
            }
            current = shorter;
        }
        String shortest = trim(current);
        return isCodeish(shortest) || LONE.contains(shortest) ? shortest : best;
    }

    /** "npm install and then npm test". */
    private static @Nullable String joined(String text) {
        List<String> pieces = JOIN.splitAsStream(text).toList();
        if (pieces.size() < 2) {
            return null;
        }
        List<String> commands = new ArrayList<>();
        for (String piece : pieces) {
            String command = trim(piece.strip().replaceFirst("^(?:run|execute) ", ""));
            if (!Shell.isCommand(command)) {
                return null;
            }
            commands.add(command);
        }
        return String.join("\n", commands);
    }

    private static String cutTail(String text) {
        for (Pattern tail : TAILS) {
            Matcher matcher = tail.matcher(text);
            int from = 0;
            while (matcher.find(from)) {
                if (matcher.start() > 0 && !insideQuotes(text, matcher.start())) {
                    return text.substring(0, matcher.start()).stripTrailing();
                }
                from = matcher.start() + 1;
                if (from >= text.length()) {
                    break;
                }
            }
        }
        return text;
    }

    private static boolean insideQuotes(String text, int position) {
        char quote = 0;
        for (int i = 0; i < position; i++) {
            char c = text.charAt(i);
            if (quote != 0) {
                quote = c == quote ? 0 : quote;
            } else if ((c == '"' || c == '\'')
                    && text.indexOf(c, i + 1) > 0
                    && (i == 0 || !Character.isLetter(text.charAt(i - 1)))) {
                quote = c;
            }
        }
        return quote != 0;
    }

    /** Without the sentence's own full stop, and without quotes around the whole. */
    private static String trim(String text) {
        String plain = text.strip();
        while (plain.length() > 1) {
            char last = plain.charAt(plain.length() - 1);
            char before = plain.charAt(plain.length() - 2);
            boolean stop = last == '.' && before != '.' && before != '/' && !Character.isWhitespace(before);
            boolean mark =
                    (last == '?' || last == '!' || last == ',') && !Character.isWhitespace(before) && before != '*';
            if (!stop && !mark) {
                break;
            }
            plain = plain.substring(0, plain.length() - 1).strip();
        }
        if (plain.length() > 2) {
            char first = plain.charAt(0);
            char last = plain.charAt(plain.length() - 1);
            boolean quoted =
                    (first == last && (first == '"' || first == '\'')) || (first == '\u201c' && last == '\u201d');
            if (quoted && (first != last || plain.indexOf(first, 1) == plain.length() - 1)) {
                return plain.substring(1, plain.length() - 1).strip();
            }
        }
        return plain;
    }

    private static final Pattern PRONOUN = Words.pattern(
            "(?:it|them|that|this|these|those|the|on|with|my|an?|for|some|all|your|our|each|every|both|in|against|what|how|if|whether|to|at|from|me)\\b[^=.(\\[].*",
            Pattern.CASE_INSENSITIVE);

    private static boolean isCodeish(String text) {
        return Shell.isCommand(text)
                || (hasSyntax(text) && !PRONOUN.matcher(text).matches());
    }

    private static final Pattern CALL =
            Words.pattern("(?:[\\w.]+\\(|\\[|\\{|[\"'f]).*[)\\]}\"'\\w](?:\\[.*\\])?", Pattern.DOTALL);

    /** More than arithmetic: a call, a literal, a comprehension. */
    private static boolean isExpression(String text) {
        return CALL.matcher(text).matches() && text.chars().anyMatch(Character::isLetter) && isCodeish(text);
    }

    private static final Pattern COURTESY =
            Words.pattern("^(.+?)[,.]? (?:please|pls|plz|thanks|thank you|thx|for me)[.!]*$", Pattern.CASE_INSENSITIVE);

    private static final Pattern TRAILING_WORDS = Words.pattern(
            "^(.{3,}?[)\\]\"';}])[,.]? +((?:why|what|how|does|is|can|could|please|fix|debug|explain|where|will|tell|should|gives|crashes|fails|throws|doesn't)\\b.*)$",
            Pattern.CASE_INSENSITIVE);

    /** "this query: ...". */
    private static boolean announced(String object) {
        Matcher words = OBJECT.matcher(object);
        return words.find() && words.end() > 0 && words.group().stripTrailing().endsWith(":");
    }

    /** Code with words before or behind it that say to run it, on one line. */
    static @Nullable Found marked(String text) {
        String line = text.strip();
        if (line.indexOf('\n') >= 0 || line.length() > 2_000) {
            return null;
        }
        Matcher courtesy = COURTESY.matcher(line);
        if (courtesy.matches() && Shell.isCommand(courtesy.group(1))) {
            return found(courtesy.group(1), line, true);
        }
        Matcher lead = LEAD.matcher(line);
        if (lead.matches() && announced(lead.group(1))) {
            Found found = fromObject(lead.group(1), line);
            if (found != null) {
                return found;
            }
        }
        Matcher question = TRAILING_WORDS.matcher(line);
        if (question.matches() && isExpression(question.group(1)) && CodeLines.isCode(question.group(1))) {
            return new Found(question.group(1), languageOf(question.group(1)), question.group(2), false);
        }
        for (Pattern pattern : List.of(ARROW, AFTERWARDS)) {
            Matcher matcher = pattern.matcher(line);
            if (matcher.matches() && isCodeish(matcher.group(1).strip())) {
                return found(matcher.group(1).strip(), line, true);
            }
        }
        return null;
    }

    /** Code that is no plain word, name or sentence. */
    private static boolean hasSyntax(String text) {
        String plain = text.strip();
        if (plain.isEmpty() || FILE_ONLY.matcher(plain).matches()) {
            return false;
        }
        if (Shell.englishWords(plain) > 2 && !CodeLines.isCode(plain)) {
            return false;
        }
        if (plain.matches("[\\w'-]+(?: [\\w'-]+)*[.?!]?")) {
            return false;
        }
        boolean expression = EXPRESSION.matcher(plain).matches()
                && OPERATOR.matcher(plain).find()
                && !plain.matches("(?i).*\\b[a-z]{2,} [a-z]{2,} [a-z]{2,}.*");
        return expression || (hasPunctuation(plain) && CodeLines.isCode(plain));
    }

    private static boolean hasPunctuation(String text) {
        return text.chars().anyMatch(c -> "(){}[];=<>|$\\*".indexOf(c) >= 0);
    }

    /** "What does this print: sum(range(10))". */
    private static @Nullable Found afterColon(String line, String message) {
        Matcher end = LEAD_END.matcher(line);
        while (end.find() && end.start() < 300) {
            int colon = end.start();
            String rest = line.substring(end.end()).strip();
            if (end.group().startsWith(":")
                    && DATA_LEAD.matcher(line.substring(0, colon)).find()) {
                return null;
            }
            if (Shell.englishWords(line.substring(0, colon)) + wordsOf(line.substring(0, colon)) > 1) {
                String code = commands(rest);
                boolean named = code != null && code.matches(".*[A-Za-z].*");
                if (code != null
                        && (Shell.isCommand(code) || isExpression(code) || (named && CodeLines.isCode(code)))) {
                    return new Found(code, languageOf(code), message.replace(code, Fences.MARK), false);
                }
            }
        }
        return null;
    }

    private static final Pattern LEAD_END = Words.pattern("[:?!] |, (?=\\w+\\()");
    private static final Pattern DATA_LEAD = Words.pattern(
            "(?i)\\b(?:list|data|numbers|values|items|records|table|csv|json|xml|yaml|config|text|sentence|email|paragraph|string|names|words|dict|dictionary|log|logs|error|output)s?\\b[^:]{0,30}$");

    private static int wordsOf(String text) {
        return text.strip().split("\\s+").length;
    }

    private static @Nullable Found fromTicks(String message) {
        List<String> codes = new ArrayList<>();
        Matcher ticks = TICKS.matcher(message);
        int end = -1;
        boolean outputAsked = Cues.asksForOutput(message.toLowerCase(java.util.Locale.ROOT));
        String outside = TICKS.matcher(message).replaceAll(" ");
        boolean alone = Cues.isPoliteness(outside);
        boolean fixAsked = Cues.asksForFix(outside.toLowerCase(java.util.Locale.ROOT));
        boolean asked = false;
        while (ticks.find()) {
            String span = ticks.group(2).strip();
            String before = message.substring(Math.max(0, ticks.start() - 120), ticks.start());
            String after = message.substring(ticks.end(), Math.min(message.length(), ticks.end() + 60));
            boolean command = Shell.isCommand(span) || Shell.standsAlone(span) || LONE.contains(span);
            boolean lead = TICK_LEAD.matcher(before).find();
            boolean chained = end >= 0
                    && TICK_CHAIN.matcher(message.substring(end, ticks.start())).matches();
            boolean direct = lead || chained || TICK_AFTER.matcher(after).matches();
            boolean runnable = command || hasSyntax(span);
            boolean wanted = runnable && (direct || alone || outputAsked || (fixAsked && !command));
            if (wanted) {
                codes.add(span);
                end = ticks.end();
                asked |= direct || outputAsked;
            }
        }
        if (codes.isEmpty()) {
            return null;
        }
        String language = languageOf(codes.get(0));
        List<String> same =
                codes.stream().filter(code -> languageOf(code).equals(language)).toList();
        return new Found(String.join("\n", same), language, outside, asked);
    }

    private static Found found(String code, String message, boolean asked) {
        return new Found(code, languageOf(code), message.replace(code, Fences.MARK), asked);
    }

    private static String languageOf(String code) {
        if (LONE.contains(code)) {
            return "bash";
        }
        String guess = Languages.ofCode(code);
        return guess == null ? "python" : guess;
    }
}
