package io.athenic.chat.intent;

import io.athenic.execution.IntentAnalyzer.Turn;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Messages that mean something only by what was said before. */
final class FollowUps {

    /** What the last turns were about. */
    enum Before {
        NOTHING,
        /** Code ran, or something was computed. */
        EXECUTED,
        /** The assistant offered to run or compute something. */
        OFFERED,
        TALK
    }

    private static final Pattern CONSENT = Words.pattern(
            "(?:(?:yes|yeah|yep|yup|sure|ok|okay|please|go|go ahead|do it|do that|do so|go for it|sounds good|absolutely|definitely|of course|by all means|proceed|make it so|alright|fine|please do|let's do it|let's go|let's do that|yes please|why not|that would be (?:great|nice|helpful)|that'd be great|great|perfect|k|y|continue|affirmative|right|correct|thanks|run it|then|ahead|all of (?:them|it)|both|the first(?: one)?|the second(?: one)?|i'd like that|exactly|good idea|try it|try that|confirmed?|approved?|you may|you can|now)[ ,.!;:-]*)+");

    /** The wish to go on with the same work. */
    private static final Pattern AGAIN = Words.phrases("""
            (?:run|execute|try|do|plot|compute|calculate|test|draw|show|start|make|sort|check|count|rerun|re-run|repeat|redo|re-?plot|recalculate|recompute|retry|refresh|update) (?:it|that|this|them|these|those|the same|again|all|one more|another|everything|both|once more|the (?:script|code|query|command|cell|test|tests|analysis|simulation|plot|chart|numbers?|last one|first one|second one|same thing|whole thing|rest|others?))\\b
            ^(?:rerun|re-run|repeat|again|redo|retry|recalculate|recompute|replot|refresh|undo)\\b
            (?:^|\\b(?:and|ok|okay|now|then|great|good|nice|thanks|cool|perfect|but|so|also|please|hm|hmm),? )(?:now |then |also |what about |how about |and |same |the same |only |just )+(?:for |with |without |in |by |as |on |using |of |from |to |the |a |do |make |add |show |plot |sort |use |group |exclude |include |last |next |only |change |try |per |it |each |every |split |save |export |filter |remove |drop |run |give )?
            (?:same|the same)(?: thing| chart| plot| analysis| query| again| calculation| table| but| one| script| code)? (?:for|with|but|in|as|again|using|by|on|without|please)
            (?:what|how) about (?:for |with |in |the |if |just |only |by |using |on |20\\d\\d|last |next |this |norway|\\w+)
            (?:use|try|make|change|set|switch|add|put|give|show|remove|drop|exclude|include|sort|group|split|filter|order|limit|only|increase|decrease|double|halve|swap|flip|rotate|rename|label|colou?r|highlight|zoom|normali[sz]e|round|convert|save|export|download|plot|break|format|turn|replace|skip|ignore|append|move|do)\\b(?! (?:sense|sure (?:you|we)|up your mind))(?: ... )?(?:it|them|that|this|these|those|another|different|colou?rs?|colou?r|red|blue|green|axis|axes|legend|title|labels?|grid|bars?|lines?|scale|log scale|larger|bigger|smaller|wider|darker|lighter|column|columns|rows?|table|chart|plot|graph|by|descending|ascending|instead|too|as well|only|csv|excel|json|pdf|png|file|decimals?|decimal places|percent|percentages?|month|year|week|region|country|\\d+|bins?|trend ?line|average|mean|median|total|totals|outliers|duplicates|nulls|missing|name|stacked|horizontal|vertical|interactive|font|same|results?|output|numbers?|values?|first|last|weekly|monthly|daily|yearly|quarterly)\\b
            (?:as|in|to|into) (?:an? )?(?:csv|excel|json|pdf|png|svg|table|bar chart|pie chart|line chart|log scale|percent|percentages|xlsx|markdown|euros?|dollars|descending order|ascending order|reverse|miles|km)\\b
            (?:with|without) (?:the |a |an |\\d+ |more |fewer |another |log |different )+
            (?:for|in|from|since|until|by|per) (?:20\\d\\d|last (?:year|month|week|quarter)|q[1-4]|january|february|march|april|may|june|july|august|september|october|november|december|norway|\\w+) (?:too|as well|instead|please|only|now)
            (?:fix|correct|debug|solve) (?:it|that|this|the (?:error|bug|problem|issue))
            (?:it|that|this) (?:fails|failed|crashed|didn't work|doesn't work|gives an error|errors)
            ^(?:next|more|one more|another one|another|go on|continue|all of them|the rest|bigger|smaller|larger|slower|faster|darker|in reverse|descending|ascending|by \\w+|per \\w+|without \\w+.*|with \\w+.*|as \\w+.*|in (?:red|blue|green|python|r|bash|js|javascript|node|euros?|dollars|percent).*|only \\w+.*|top \\d+.*|for \\w+.*|\\d+ instead.*)[.!? ]*$
            instead(?: of [\\w ]+)?[.!? ]*$
            """);

    private static final Pattern QUESTION = Words.phrases("""
            ^(?:so |and |but |ok |hm+,? |wait,? |interesting[.,!]? )*(?:why|what does|what do|what did|what is|what's|what are|how does|how did|how do|how is|who|is that|is this|is it|was that|was it|are you sure|does that|does it mean|did you|do you|could you explain|can you explain|explain|which (?:one|function|library|method)|where does|where did|what would|what could|should i|should we|would it|tell me why|what made|meaning)
            """);

    private static final Pattern OUTCOME_QUESTION = Words.phrases("""
            (?:what|how) about
            (?:what|which|who|how many|how much)(?:'s| is| are| was| were)? (?:the )?(?:\\w+ ){0,3}(?:highest|lowest|maximum|minimum|max|min|median|mean|average|total|sum|biggest|largest|smallest|top|best|worst|most|least|count|correlation|standard deviation|percentage|share|rows?|columns? (?:are|in)|sold|month|value of)
            what (?:if|happens if|happens when|would happen if)
            """);

    private static final Pattern OFFER = Words.phrases("""
            (?:shall|should|may|can) i (?:\\w+ )?(?:run|execute|compute|calculate|plot|test|try|install|analy[sz]e|check|start|generate the (?:chart|plot|file)|chart|simulate|fetch|download|delete|apply|create the|convert|process|load|read|open|fix|benchmark|draw|build|go ahead|proceed|do (?:it|that)|clean|merge|rename|export|save|list|push|commit|scrape|count|sort|update|crunch|make the)
            (?:do you want me to|would you like me to|want me to|i can|i could|i'll|i will|i'd|shall we|let me know if (?:you'd like|you want|i should)(?: me)?(?: to)?|if you(?:'d)? (?:like|want|agree|say so|confirm)|ready to|happy to|may i|ok to|okay to|permission to|say the word)(?: ... )?(?:run|running|execute|executing|compute|calculate|plot|test|try it|install|analy[sz]e|check|simulate|fetch|download|delete|apply|convert|process|load|benchmark|draw|chart|clean|merge|rename|export|save|list|push|commit|scrape|count|sort|crunch|open|read|build|regenerate|update|fix)\\b
            (?:run|execute) (?:it|this|that|the (?:code|script|query|command|tests?|analysis))(?: now| for you)?\\?
            """);

    private static final Pattern TALK_OFFER = Words.phrases("""
            (?:shall|should|may|can|could) i (?:also )?(?:explain|write|draft|describe|elaborate|summari[sz]e|rewrite|suggest|translate|list some|give|tell|walk|outline|go deeper|expand|shorten|rephrase|recommend|show you how|share)
            (?:do you want me to|would you like me to|want me to|shall we|i can(?: also)?|i could|would you like)(?: an?| to| some| me)? (?:\\w+ )?(?:explain|write|draft|describe|elaborate|summari[sz]e|rewrite|suggest|translate|explanation|draft|example|more|outline|version|ideas|tips|poem|email|essay|story|overview|discuss|brainstorm|walk you)
            """);

    private static final Pattern RAN = Words.phrases("""
            (?:i (?:ran|executed|computed|calculated|plotted|installed|tested|created|saved|loaded|analy[sz]ed|converted|cleaned|merged|sorted|counted|generated|wrote the file|exported|fetched|simulated|renamed|deleted|cloned|read|drew|built|fitted|trained|processed|extracted|grouped|listed|parsed|removed|moved|scraped|downloaded|compiled|fixed|updated|committed|added|made the (?:chart|plot)|checked|benchmarked)|i've (?:run|plotted|computed|created|saved|executed|calculated|installed|generated|converted|loaded|analy[sz]ed|sorted|written|updated|cleaned|added|drawn|merged|renamed|tested))
            (?:here(?:'s| is| are) (?:the|your) (?:plot|chart|graph|output|result|results|histogram|table|file|csv|numbers|breakdown|scatter|heatmap|figure|list|total|dashboard|sorted|converted|cleaned))
            (?:output|result|stdout|stderr|exit code|exit status|execution time|returned|printed|ran in|executed|execution)\\s*(?::|is|was|=|in \\d|successfully)
            (?:the (?:code|script|command|program|query|test|tests|plot|chart|file|analysis) (?:ran|printed|returned|shows|finished|failed|passed|was (?:saved|created|run|executed)|has been (?:saved|created)|is (?:saved|ready)|completed))
            (?:all )?(?:\\d+ )?tests? (?:passed|failed)|saved (?:to|as|it|the)|done[.!] (?:the|it|i)|\\d+ rows|exit code|it (?:printed|returned|took \\d|outputs)|traceback|\\w+error:|successfully (?:installed|created|saved|ran|executed)|chart (?:saved|above|below|shows)|plot (?:saved|above|below|shows)|median|standard deviation|mean (?:is|was|of)|total (?:is|was|of|:)|the (?:answer|result|sum|average|total|correlation) (?:is|was|=|comes)
            """);

    private static final Pattern ASKED_RUN = Words.phrases("""
            (?:run|execute|plot|chart|graph|calculate|compute|analy[sz]e|sort|count|convert|install|list (?:the )?files|histogram|simulate|scrape|merge|clean|benchmark|test (?:it|this))
            """);

    private FollowUps() {}

    private static final Pattern REPETITION = Words.pattern(
            "(?:(?:please|ok|now|just|can you|could you|and) )*(?:(?:run|execute|do|try|start) (?:it|that|this|the (?:code|script|command|cell|same(?: thing| code)?|last one))(?: once more| one more time| again)?|again|once more|one more time|re-?run(?: it| that| this)?|repeat(?: it| that| this)?|same again)[ ,.!]*(?:please)?[.! ]*");

    /** True when the message asks for the very same code once more. */
    static boolean repeats(String prose) {
        return prose.length() < 80 && REPETITION.matcher(prose).matches();
    }

    /** Thanks and the like, with their answers, are not what a message goes on with. */
    private static List<Turn> withoutSmallTalk(List<Turn> history) {
        int end = history.size();
        while (end >= 2
                && history.get(end - 1).role().equals("assistant")
                && history.get(end - 2).role().equals("user")
                && isSmallTalk(history.get(end - 2).content())) {
            end -= 2;
        }
        return history.subList(0, end);
    }

    private static boolean isSmallTalk(String text) {
        return text.length() < 200 && Talk.SMALL_TALK.matcher(Cues.normal(text)).matches();
    }

    static Before before(List<Turn> all) {
        List<Turn> history = withoutSmallTalk(all);
        String assistant = lastOf(history, "assistant");
        String user = lastOf(history, "user");
        if (assistant == null && user == null) {
            return Before.NOTHING;
        }
        String said = assistant == null ? "" : Cues.normal(assistant);
        String ending = said.length() > 400 ? said.substring(said.length() - 400) : said;
        boolean question = ending.contains("?") || ending.contains("let me know") || ending.contains("if you");
        if (question
                && OFFER.matcher(ending).find()
                && !(TALK_OFFER.matcher(ending).find()
                        && !RUN_WORD.matcher(ending).find())) {
            return Before.OFFERED;
        }
        boolean executed = RAN.matcher(said).find() || (assistant != null && assistant.contains("I ran this"));
        if (!executed && assistant != null && user != null) {
            executed = userWasExecuted(user);
        }
        return executed ? Before.EXECUTED : Before.TALK;
    }

    private static final Pattern RUN_WORD = Words.phrases("""
            (?:run|execute|compute|calculate|plot|test it|install|analy[sz]e|simulate|benchmark)
            """);

    /** The person asked for a run, and the answer is no refusal. */
    private static boolean userWasExecuted(String user) {
        String asked = Cues.normal(user);
        boolean carried = Carried.find(user).code() != null
                && !Talk.HOW_TO.matcher(asked).find()
                && !Cues.EXPLAIN.matcher(asked).find();
        boolean task = ASKED_RUN.matcher(asked).find()
                && !Talk.HOW_TO.matcher(asked).find()
                && !Talk.OTHER_SENSE.matcher(asked).find()
                && !Talk.WRITE_ONLY.matcher(asked).find();
        return carried || task;
    }

    private static @Nullable String lastOf(List<Turn> history, String role) {
        for (Turn turn : history.reversed()) {
            if (turn.role().equals(role)) {
                return turn.content();
            }
        }
        return null;
    }

    static boolean isConsent(String prose) {
        return prose.length() < 80 && CONSENT.matcher(prose).matches();
    }

    /** True when the message asks to go on with work that was done. */
    static boolean continues(String prose) {
        if (prose.length() > 200) {
            return false;
        }
        boolean question = QUESTION.matcher(prose).find()
                && !OUTCOME_QUESTION.matcher(prose).find();
        return !question
                && (AGAIN.matcher(prose).find()
                        || OUTCOME_QUESTION.matcher(prose).find());
    }

    /** The language of the work that is continued; null when nothing tells it. */
    static @Nullable String language(List<Turn> history) {
        for (Turn turn : history.reversed()) {
            Carried carried = Carried.find(turn.content());
            if (carried.language() != null) {
                return carried.language();
            }
            String normal = Cues.normal(turn.content());
            String named = Languages.named(normal);
            if (named != null) {
                return named;
            }
            Tasks.Task task = turn.role().equals("user") ? Tasks.find(normal) : null;
            if (task != null && !task.language().equals("python")) {
                return task.language();
            }
        }
        return null;
    }
}
