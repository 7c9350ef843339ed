package io.athenic.chat.intent;

import java.util.Locale;
import java.util.regex.Pattern;

/** Phrases that show what a message wants. All of them are matched against {@link #normal normalised} text. */
final class Cues {

    /** Only the beginning and the end of a long message are searched: wishes stand there, and time stays bounded. */
    private static final int HEAD = 3_000;

    private static final int TAIL = 1_000;

    private Cues() {}

    /** Lower case, straight quotes, single blanks, bounded. */
    static String normal(String text) {
        String bounded = text.length() <= HEAD + TAIL
                ? text
                : text.substring(0, HEAD) + " … " + text.substring(text.length() - TAIL);
        StringBuilder plain = new StringBuilder(bounded.length());
        boolean blank = true;
        for (int i = 0; i < bounded.length(); i++) {
            char c = bounded.charAt(i);
            switch (c) {
                case '\u2019', '\u2018', '`' -> c = '\'';
                case '\u201c', '\u201d' -> c = '"';
                default -> {}
            }
            boolean space = Character.isWhitespace(c) && c != '\n';
            if (c == '\n') {
                plain.append('\n');
                blank = true;
            } else if (!space) {
                plain.append(c);
                blank = false;
            } else if (!blank) {
                plain.append(' ');
                blank = true;
            }
        }
        return APOSTROPHE
                .matcher(plain.toString().strip().toLowerCase(Locale.ROOT))
                .replaceAll("$1'$2");
    }

    /** "whats", "dont": written in haste. */
    private static final Pattern APOSTROPHE = Words.pattern("\\b(what|how|where|who|that|let)(s)\\b(?= )");

    /** The wish not to have anything run, or not yet. */
    static final Pattern NEGATION = Words.phrases("""
            (?:don't|do not|dont|never|please don't|shouldn't|must not|mustn't|no need to|not going to|needn't|not necessary to|needn't|avoid|without|instead of|rather than|refrain from|not asking you to|not to) (?:ever |actually |really |you |just |even |bother to |try to |have to |need to |want you to |want to |go and |be )*(?:run|running|execute|executing|exec|eval|evaluate|launch|test|testing|start|starting|compute|computing|install|installing|touch|code|coding|plot|plotting)
            (?:i )?(?:don't|do not|dont) (?:want|need|like) (?:you to |me to |it to |this to )?(?:be )?(?:run|execute|any code|code|executed|it run|this run|to run|a script|to execute|anything run|anything executed|anything to be run|python|a program)
            no (?:code|execution|running|scripts?|coding|programming|python)(?: please| needed| necessary| required)?
            (?:just|only|simply) (?:explain|describe|tell me|talk|read|look at|review|comment|an explanation|the explanation|theory|conceptually|in words|in theory|discuss|a yes or no|give me the code|show me the code|the code|write the code|the command|give me the command)
            (?:explanation|theory|words|text|code|answer) only
            before (?:you |we |i )?(?:run|running|execute|executing|do|doing|start|starting|touch|touching|launch|install|installing|delete|deleting)(?:ning)? ?(?:anything|it|this|that|any|the|these|code|something)?
            (?:i'll|i will|we'll|we will|i'm going to|i am going to|i shall|i might|i may|i plan to|i would) ... (?:later|tomorrow|tonight|next week|soon|myself|on my own|afterwards|first thing|this evening|after lunch)
            (?:later|tomorrow|tonight|next week|soon|this evening|after lunch|in a bit|in a moment|in a minute),? (?:i'll|i will|we'll|we will|i'm going to|i can|i want|i shall)
            ^(?:once|when|after|as soon as|until) (?:i|we|you|the)(?: ... )?(?:we can|we'll|you can|i'll|we will|we could|let's|then)
            (?:not yet|hold off|hold on|wait (?:for|until|till|before)|let's wait|do nothing|stay put|for later)
            hypothetically
            (?:i|we) (?:won't|will not|wouldn't|am not going to|are not going to) (?:run|execute|try)
            (?:don't|do not) (?:need|have) to (?:run|execute|compute|calculate|test)
            (?:in|by) (?:your head|words|hand|plain english|prose)(?: only)?
            """);

    /** What takes a negation back. */
    static final Pattern JUST_RUN = Words.phrases("""
            (?:just|simply|only|instead,?|but) (?:please )?(?:run|execute|do|compute|calculate|plot|show me the output|give me the output|give me the result|give me the number|the output|the result|print|fix|test)
            (?:don't|do not|no need to|stop|without|skip|never mind|no) (?:the )?(?:explain|explaining|explanations?|talk|talking|comment|describe|discuss|ask|asking|worry|hesitate|waste|tell me|show me|guess|guessing|overthink)
            why don't you (?:run|execute|try|test)
            """);

    /** The wish to have something run, or its outcome. */
    static final Pattern RUN = Words.phrases("""
            (?:re-?run|run|execute|exec|eval|evaluate|launch|compile|benchmark|profile|time|debug|reproduce|test|try|verify|validate|lint|simulate) (?:it|this|that|these|those|them|the|my|our|both|each|all|all of|some|a few|what|everything|every|again|your|and|for me|please|now|on|with|in|me|against|through|code|code below|below|'|following)
            (?:run|execute|evaluate|compile|test|eval)(?: it| this)?[.!]*$
            ^(?:please |now |ok |just |pls )*(?:run|execute|eval|compile|test|benchmark|debug)\\b
            (?:and|then|&|also|to) (?:then |also )?(?:please )?(?:run|execute|test|verify|benchmark|try|check (?:it|that it|whether it|if it)|confirm (?:it|that it)|prove) (?!away|out of)
            (?:show|give|tell|send|get|paste|report|print|see|want|need|with|return|share|post|include|provide) (?:me |us |back |just )*(?:the |its |their |his |what the |all the |actual |real |exact |your )*(?:\\w+ )?(?:output|outputs|result|results|stdout|printout|return value|exit code|timings?|runtime)
            what (?:does|do|would|will|did) (?:this|it|that|the (?:code|script|program|snippet|following|function|command|query|loop|one)|these|'|\u2063) ?(?:\\w+ ){0,3}(?:print|output|return|produce|evaluate|give|yield|display|show|log)
            what(?:'s| is| are| will be| would be) (?:the |its |printed|output|in the )(?:exact |actual |final |real )?(?:output|result|results|stdout|return value|value|printed)
            what(?:'s| is| gets| will be| would be) (?:printed|returned|displayed|output|logged)
            what do (?:i|you|we) get (?:if|when|for|from|with|out)
            what happens (?:when|if) (?:i|you|we|it) (?:run|execute|ran|call)
            what comes out
            how (?:long|fast|slow|much time|many seconds|much memory) (?:does|do|will|would|is) (?:it|this|that|the|my|each|'|\u2063)
            (?:does|do|will|would|is|did|can|could) (?:this|it|that|the|my|these|\u2063) ?(?:\\w+ ){0,4}(?:work|works|working|run|runs|compile|compiles|pass|passes|fail|fails|crash|terminate|parse|build|execute)
            (?:see|check|find out|know|tell me|test|verify|make sure|confirm) (?:if|whether|that|what|how) (?:\\w+ ){0,4}(?:works?|runs?|compiles?|pass(?:es)?|fails?|prints?|returns?|outputs?|happens|is (?:right|correct|valid|faster|slower))
            (?:which|who) (?:one |of (?:them|these|the two) |version |approach |variant )?(?:is|runs) (?:the )?(?:faster|fastest|slower|quicker|quickest)
            (?:show|demonstrate) (?:me )?(?:that )?(?:it|how it) (?:works|working|in action|running)
            (?:in action|give it a (?:go|spin|try|whirl)|take it for a spin|fire (?:it|this) up|kick (?:it|this) off|go ahead and run|have a go)
            """);

    /** The wish to have faulty code mended. */
    static final Pattern FIX = Words.phrases("""
            (?:fix|debug|repair|mend|troubleshoot|correct|solve|patch|resolve)\\b(?! (?:me up|a date|dinner|typo in my (?:email|letter)))
            (?:what's|what is|whats|where's|where is|find|spot|identify|locate|can you see|is there|are there)(?: ... )?(?:wrong|the bug|the bugs|a bug|bugs|the mistake|the error|the problem|the issue|broken|fault|problem here)
            (?:why|how come) (?:is|does|do|am|are|isn't|doesn't|don't|won't|can't|did|didn't|would|it|this|the|i)(?: ... )?(?:fail|fails|failing|crash|crashes|crashing|error|errors|break|breaks|breaking|broken|work|working|hang|hangs|hanging|slow|throw|throws|throwing|raise|raises|wrong|stuck|nothing|empty|infinite|nan|none|null|undefined|off by one|not \\w+ing|get|getting|returning|giving|stop|stops)
            (?:make|get|getting) (?:it|this|that|the|my) ?(?:\\w+ ){0,3}(?:work|working|run|pass|compile|build|green)
            (?:doesn't|does not|isn't|won't|not|don't|never|can't|stopped|keeps|keep) (?:work|working|run|running|compile|compiling|crashing|failing|throwing|breaking|giving|terminate|print|return)
            (?:it|this|that|code|script|program|function|command|loop|test|query) (?:is |keeps |just |always |sometimes )?(?:crash|crashes|crashing|fails|failing|errors out|throws|broken|hangs|breaks|raises|buggy)
            (?:i|it|this|we) (?:get|gets|got|am getting|keep getting|keeps? giving|gives?|throws?|raises?)(?: ... )?(?:error|exception|traceback|wrong|nan|nothing|none|null|undefined|segfault|stack overflow)
            (?:off.by.one|race condition|memory leak|infinite loop)
            """);

    /** Questions and wishes that words alone answer. */
    static final Pattern EXPLAIN = Words.phrases("""
            (?:explain|describe|clarify|elaborate|walk me through|talk me through|define|interpret|discuss|outline|teach me|help me understand|understand|eli5|tell me about|go over|break down how)
            what (?:does|do|did|would|will) (?:.{1,80}? )?(?:do|does|mean|stand for|actually do|happen)(?: here| exactly| in \\w+| there| for)?(?: ?[?.,!]|$)
            what would (?:'|\u2063)
            what(?:'s| is| are) (?:the )?(?:purpose|point|meaning|idea|difference|time complexity|complexity|big.?o|advantage|benefit|role|use)
            (?:how|why) (?:does|do|is|are|was|did) (?:this|it|that|the|python|javascript|\u2063|') ?(?:.{0,40} )?(?:work|works|called|so|used|needed|necessary|important|popular|designed|considered)
            (?:review|critique|code review|feedback on|thoughts on|opinion (?:on|about)|what do you think|rate|assess|judge|comment on|style of|readability|is (?:this|it|that|my|the)(?: \\w+)? (?:good|thread-?safe|type-?safe|memory-?safe|portable|deprecated|production-?ready|maintainable|clean|idiomatic|pythonic|readable|ok|okay|bad|safe|secure|best practice)|clean code|best practices?)
            (?:summari[sz]e|paraphrase|translate|port|convert|rewrite|refactor|rename|simplify|shorten|optimi[sz]e|improve|clean up|document|annotate|comment|add (?:comments|docstrings?|type hints|types|type annotations|documentation|jsdoc|javadoc|error handling|logging)|make (?:it|this) (?:shorter|cleaner|faster|more \\w+|pythonic|readable)|turn (?:this|it|that|the|my|these)(?: \\w+){0,2} into|format|prettify|transpile|modernise|modernize|restructure|restyle|reformat|extend)
            (?:write|create|generate|add|give me|suggest|provide) (?:me |us )?(?:some |a few |the |a |an |more |unit |good |better )*(?:unit tests?|tests?|test cases?|documentation|docs|docstrings?|readme|comments?|variable names?|names?|a name)(?: ... )?(?:for|to|of)\\b
            (?:which language|what language|what kind of|name of this|what algorithm|which algorithm|what pattern|which design pattern)
            (?:pros and cons|trade-?offs?|advantages|drawbacks)
            """);

    /** What overrules an explanation of carried code: its own outcome is asked for. */
    static boolean asksForOutput(String normal) {
        return OUTPUT.matcher(normal).find();
    }

    private static final Pattern OUTPUT = Words.phrases("""
            what (?:does|do|would|will|did) (?:.{1,60} )?(?:print|output|return|produce|evaluate to|evaluate|give|give back|yield|display)(?:s)?(?: ?[?.,!]|$| and| for| when| if| in| with| here)
            what(?:'s| is| are| will be| would be) (?:the )?(?:exact |actual |final |real |printed )?(?:output|result|stdout|return value|value) (?:of|from|when|if|for)
            what(?:'s| is| gets) (?:printed|returned|output)
            (?:show|give|tell|send) (?:me |us )?(?:the |its )?(?:actual |exact )?(?:output|outputs|result|results)
            (?:check|see|know|tell me|show me|find out|try) what (?:.{1,60} )?(?:gives|returns|prints|outputs|evaluates to|yields|produces|shows)
            what does .{1,60} show ?\\?
            """);

    static boolean asksForFix(String normal) {
        return FIX.matcher(normal).find();
    }

    private static final Pattern POLITE = Words.pattern(
            "(?:please|pls|plz|thanks|thank you|thx|ty|hi|hey|hello|ok|okay|now|and|then|so|here|here you go|here it is|here goes|for me|cheers|go|sure|yes|yep"
                    + "|try|this|this one|next|also|alright|right|just|quick|first|dear assistant|good morning|athenic|kindly|as is|:|;|[,.!?()\"'\u2063\\-\\s])*");

    /** True when nothing but courtesy is left. */
    static boolean isPoliteness(String text) {
        String normal = normal(text);
        return normal.length() < 200 && POLITE.matcher(normal).matches();
    }
}
