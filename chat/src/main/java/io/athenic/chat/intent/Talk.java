package io.athenic.chat.intent;

import java.util.regex.Pattern;

/** Messages that need an answer in words, whatever technical words they hold. */
final class Talk {

    private Talk() {}

    /** Questions about how one would do something, and about things: the answer is an explanation. */
    static final Pattern HOW_TO = Words.phrases("""
            ^(?:.{0,60}[,.!] )?(?:so |and |but |ok |quick question[:,]? |question[:,]? |hey |hi |please )*(?:how|where) (?:do|can|could|would|should|does|might|to|must) (?:i|we|you|one|someone|people|anyone|a person|he|she|they|it|the|an?|python|git|docker)?(?! (?:many|much|long|fast|old|far))
            (?:^|[.!?,] |tell me |show me |explain |know |wondering |wonder |learn |understand |teach me |guide (?:me )?(?:on|to) |tutorial (?:on|for) |advice on |tips (?:on|for) |guide for |understanding )how (?:to|do|can|should|would|does|you) (?:i |we |you |one )?(?!many|much)
            (?:which|what) (?:\\w+ )?(?:command|commands|flag|flags|option|function|functions|method|library|libraries|package|packages|tool|tools|module|formula|statement|keyword|syntax|query|algorithm|framework|operator|type|types|kind|kinds|sort|chart type|plot type|chart|graph|language|shortcut|extension)s? (?:should|do|does|would|can|could|lists?|shows?|is|are|will|for|to|would you|lets?|gives?|of|removes?|deletes?|finds?|prints?|creates?|works?|has|have|i)\\b
            what(?:'s| is| are) (?:the )?(?:best|right|correct|proper|standard|recommended|easiest|fastest|quickest|simplest|most \\w+|usual|typical|common|safest|good|preferred|idiomatic|pythonic|difference|differences|syntax|command|formula|purpose|point|benefits?|advantages?|disadvantages?|pros|meaning|definition|history|role|use case|time complexity|complexity|big.?o|idea|concept|equivalent|keyboard shortcut)\\b
            (?:what|who|when|where|why)(?:'s| is| are| was| were| did| does| do) (?:an? |the term |the concept of |meant by |it called )
            ^(?:.{0,40}[,.!] )?(?:why|when) (?:is|are|do|does|did|would|should|was|were|can't|can|has|have|shouldn't|don't)
            (?:explain|describe|define|contrast|discuss|elaborate on|outline|clarify|teach me|walk me through|talk me through|tell me about|help me understand|give me an overview|introduce me to|eli5|difference between|differences between|pros and cons|advantages of|recommend|suggest|advise|brainstorm|any tips|tips for|ideas for|best practices?|what do you think|your opinion|your thoughts|is it (?:worth|safe|ok|okay|good|bad|possible|better|normal|dangerous|legal)|should (?:i|we)|would you (?:recommend|suggest|say)|do you (?:think|like|know|prefer|recommend)|what would (?:happen|you|it|be)|what happens (?:if|when)|who (?:invented|created|made|wrote|is|was)|what does .{1,60} (?:mean|do|stand for))
            (?:what does|what do|what did) .{1,80} (?:do|mean|stand for)(?: exactly| in \\w+| here)?[?.! ]*$
            what (?:would|will) .{1,60} do\\b
            """);

    /** Things that are only to be written: code, formulas, configuration. */
    static final Pattern WRITE_ONLY = Words.phrases("""
            (?:write|give me|give us|show me|provide|create|make|draft|generate|need|want|looking for|compose|produce|build|implement|design|develop|sketch|code up|come up with|share|send me|have|prepare|post|suggest|define|build me|type out|complete|finish) (?:me |us |up |out |down |just |please |only |to see |to have |for me )*(?:an? |the |some |another |one |two |three |my |this |sample |example |simple |quick |short |small |basic |minimal |complete |full |generic |reusable |clean |little )*(?:[\\w#+.'-]+ ){0,4}?(?:functions?|scripts?|programs?|class|classes|methods?|query|queries|regex|regexp|regexes|regular expressions?|patterns?|formulas?|code|snippets?|macros?|one-?liners?|commands?|components?|modules?|decorators?|generators?|hooks?|endpoints?|dockerfile|makefile|docker-compose|yaml|configs?|configuration|workflow|pipeline|cron(?:tab)?(?: expression| entry)?|schema|migrations?|stored procedures?|triggers?|unit tests?|tests|test cases|type definitions?|interface|struct|enum|algorithm|implementation|boilerplate|template|skeleton|pseudocode|pseudo-code|sql|html|css|readme|docstring|middleware|api|rest api|server|client|bot|app|game|parser|crawler|scraper|library|package|plugin|extension|example|examples|manifest|systemd unit|statement|expression|loop|helper|utility|wrapper|subroutine|lambda|cli|tool|website|web page|page|site|landing page|form|button|calculator|to-?do list|todo app|solution|syntax|definition|cheat ?sheet)\\b
            ^(?:please |can you |could you )*(?:implement|code|program) (?:an? |the |me )
            (?:^|\\b(?:please|you) )(?:translate|port|convert|rewrite|transpile|refactor|comment|document|annotate) (?:this|the|that|my|following|these|it)(?: ... )?(?:code|function|script|snippet|class|query|program|loop|method|(?:in)?to (?:python|javascript|typescript|java|rust|go|c\\+\\+|c#|ruby|php|kotlin|swift|scala|sql|r|bash|perl|lua|julia|powershell|pandas|async|es6)\\b)
            """);

    /** What makes a wish for writing one for running. */
    static final Pattern WRITE_AND_RUN = Words.phrases("""
            (?:and|then|,|;|\\.|&) (?:then |also |please |finally |actually |after that |afterwards )*(?:re)?(?:run|running|execute|executing|exec|test|testing|try|verify|benchmark|benchmarking|time|profile|check|prove|demonstrate|launch|start|evaluate|plot|print|call|apply|use it|demo|validate|show) (?:it|them|that|this|the|its|their|on|me|for|with|against|how|both|to|if|in|what|all|your|some|these|out|over|there|here|by|a few|each|everything|whether|on the|from|on my|[0-9'\"])
            (?:and|then|,|;) (?:then |also |please |use it to )*(?:compute|calculate|evaluate|solve)\\b
            (?:and|then|,|;) (?:then |also |please )*(?:run|execute|test|tell me (?:the|what|how)|give me (?:the )?(?:output|result|answer|number)|show (?:me )?(?:the |its |what |that )?(?:output|result|results|it works|first|answer|it prints|working))
            (?:show|give|tell|print|include|with|see|want|need|report|return|post|paste|get) (?:me |us )?(?:the |its |an? |all |actual |real )*(?:sample |example )?(?:output|outputs|results?|runtime|timings?|it running|it working|it works|it in action)\\b
            (?:run|execute|test|verify|try) (?:it|them|that it works|your (?:code|solution|work|answer))
            (?:make sure|ensure|check|verify|confirm|prove|guarantee) (?:that )?(?:it|they|everything|the (?:code|tests?|function|script)|all tests?) (?:actually |really )?(?:works?|runs?|pass(?:es)?|compiles?|is (?:right|correct))
            (?:that|which) (?:actually )?(?:passes|works|runs) (?:and|on|when)
            (?:tested|verified|working output|what it prints|what it returns|what it outputs)
            """);

    /** Words in another sense than a programmer's. */
    static final Pattern OTHER_SENSE = Words.phrases("""
            (?:run|running|ran|runs) (?:an? |the |our |my |their |this |another |your |some |that )*(?:[\\w-]+ ){0,2}?(?:campaigns?|business|company|marathons?|meetings?|errands?|team|promotion|contest|workshop|household|temperature|fever|risk|race|races|half-marathon|10k|5k|mile|miles|km|shop|restaurant|store|cafe|bakery|election|office|focus group|survey|sprint|retro|retrospective|ads?|ad campaign|giveaway|raffle|event|fundraiser|sale|webinar|class|course|club|farm|bath|household|experiment with customers|newsletter|community|interview|brainstorm|standup|stand-up|tab|gauntlet|agency|startup|non-?profit|charity|hotel|podcast|school|country|show)
            (?:run|running|ran) (?:late|away|out of|into|for (?:office|president|mayor|congress|fun)|through my (?:speech|presentation|talk)|around|along|low on|across|deep|wild|dry|short|every (?:morning|day|evening)|faster (?:in|at)|with the)
            (?:in the long run|on the run|dry run of (?:my|the) (?:speech|talk|presentation)|trial run of|home run|morning run|test run of my|go for a run|went for a run|my run|a run in|bank run)
            execut(?:e|es|ed|ing|ion) (?:an? |the |our |my |this |his |their |that )*(?:[\\w-]+ ){0,2}?(?:contracts?|will|plan|strategy|strategies|prisoners?|vision|agreement|deed|estate|orders? from|murderer|king|queen|warrant|dance|move|lease|marketing|trade|trades|roadmap|mission)
            (?:executive|executor) (?:summary|of)
            (?:dress|building|zip|postal|promo|discount|area|moral|cheat|penal|tax|civil|criminal|honor|honour|coupon|country|dialing|bro|fire|electrical|morse|da vinci|source of|secret|access|door|qr) codes?
            code (?:of (?:conduct|ethics|honor|honour|silence|practice|hammurabi)|words?|names?|red|blue|switching)
            (?:film|movie|screenplay|play|tv|podcast|sales|call|video|youtube|theater|theatre|voicemail|speech|radio|phone|cold.?call|webinar|wedding|comedy|sketch|commercial|explainer|doctor's|handwriting|cold call|interview|training|voice-?over|narration|onboarding call|customer service) scripts?
            script for (?:an? |the |my |our )*(?:[\\w-]+ ){0,3}?(?:video|film|movie|play|podcast|call|speech|scene|commercial|ad|show|sketch|episode|presentation|ceremony|interview|webinar|tour|youtube|tiktok|reel|voicemail|puppet)
            (?:help|front|standing|reception|writing|hot) desk
            (?:shell (?:company|companies|corporation|game|shock|suit)|sea ?shells?|egg ?shells?|taco shells?|turtle'?s? shell|snail'?s? shell|oil company shell|come out of (?:my|his|her) shell|nut ?shell)
            chain of command
            (?:ball|burmese|reticulated|pet|rock|green tree|carpet) python|monty python|python (?:the )?(?:snake|skin|bite|species|handbag|boots)|pythons? (?:eat|live|lay|venomous|as a pet|in florida|hunt|grow|swallow)|snakes?
            (?:java|sumatra) (?:island|coffee|beans|sea|man|sparrow)|island of java|cup of java|java,? indonesia|(?:visit|trip to|travel to|holiday in|volcanoe?s? (?:on|in)) java
            (?:such a|stupid|silly|daft|you|an absolute|absolute|miserable|old|annoying|a bit of a|being a|complete|total|little) git\\b
            (?:ruby (?:ring|slippers|wedding|earrings|necklace|red|tuesday)|rubies|rust (?:stains?|on my|from my|proof|remover|belt)|taylor swift|jonathan swift|swift (?:reply|response|action|decision|river|bird|justice|kick)|pearl necklace|birthday bash|bash (?:in|someone|my head)|bootstraps)
            (?:table for|coffee table|dinner table|dining table|periodic table|turn the tables?|on the table|table manners|table tennis|multiplication table for kids)
            (?:plot (?:twist|hole|holes|line|armor|of land|against|of the (?:movie|film|book|novel|play|story|show|series)|of (?:hamlet|macbeth|dune|inception))|(?:garden|burial|building|vegetable|land) plot|plot my revenge|the plot (?:thickens|of)|subplot|plotline)
            (?:off the charts|chart a course|chart-topping|top of the charts|music charts|billboard charts?|birth chart|natal chart|chore chart|flip chart|eye chart)
            (?:kill (?:time|two birds|the mood|for a|a spider|weeds|germs|bacteria)|branch (?:office|manager|of (?:government|the bank|mathematics|science|law))|olive branch|bank branch|tree branch|fork in the road|knife and fork|pull (?:request for peace|a muscle|myself together|over|strings)|push (?:ups?|notification strategy|my limits|myself)|commit (?:to (?:a|my|the|our) (?:relationship|diet|goal|plan|cause|decision|date|schedule)|suicide|a crime|murder)|merge (?:onto|lanes|into traffic|with another company|our (?:companies|families|departments))|clone (?:wars|troopers?|sheep|a human)|dolly the sheep)
            (?:port (?:wine|city|of call|authority|of \\w+|louis|charles)|bottle of port|airport|sports?|passport|server at (?:a|the|my) (?:restaurant|bar|diner|cafe)|waiters? and servers|tip (?:my|the|your) server|cookies? (?:recipe|dough|jar)|chocolate chip cookies|bake|java jacket|root (?:canal|beer|vegetables|cause)|grass roots|square root of the problem|virus (?:symptoms|vaccine)|mouse (?:trap|in my house)|spam musubi|cloud formations?|window (?:cleaner|cleaning|shades|seat)|driver'?s licen[sc]e|taxi driver|train (?:tickets?|station|schedule|my (?:dog|puppy|cat|staff|team))|bug (?:bites?|spray|repellent)|bed bugs|ladybugs?)
            (?:install (?:a |an |the |new |my |our |some )*(?:[\\w-]+ ){0,2}?(?:blinds|kitchen|floor|flooring|tiles|door|window|windows in|dishwasher|shelf|shelves|fence|sink|toilet|solar panels?|light fixture|car seat|ceiling fan|carpet|faucet|roof|lights|thermostat|washing machine|curtain rod|deck))
            (?:compile (?:an? |the |my )*(?:[\\w-]+ ){0,2}?(?:list of (?:reasons|ideas|books|recipes|questions|arguments)|reasons|arguments|guest list)|build (?:an? |the |my |our )*(?:[\\w-]+ ){0,2}?(?:relationship|relationships|trust|team|house|shed|treehouse|culture|brand|rapport|community|muscle|habit|habits|confidence|sandcastle|bookshelf|deck|reputation)|create (?:an? |the |our )*(?:[\\w-]+ ){0,2}?culture|deploy (?:troops|soldiers|airbags?|parachutes?|our sales team)|launch (?:an? |the |our )*(?:[\\w-]+ ){0,2}?(?:product|rocket|startup|brand|campaign|career|book|newsletter|business)|debug my (?:relationship|life|marriage|sleep)|process (?:my|your|his|her|these|those) (?:emotions|feelings|grief|payment|thoughts|loss)|(?:test|testing) (?:the waters|my patience|drive|positive|negative)|(?:pregnancy|driving|blood|covid|english|math|personality|driver'?s|iq|eye|taste|vocabulary|spelling|history|bar|citizenship|drug|rorschach|litmus|dna|fitness|stress|acid) test|test (?:anxiety|prep|tomorrow|score)|study for (?:my|a|the) (?:test|exam))
            """);

    /** Texts that are to be worked on as texts. What follows the colon is not a wish. */
    static final Pattern TEXT_WORK = Words.pattern(
            "^(?:(?:please|can you|could you|would you|kindly|hey|hi|help me|i need you to|i want you to|i'd like you to|now) ?,?)*"
                    + "(?:translat(?:e|ing)|proofread|rewrite|rephrase|paraphrase|summari[sz]e|summary of|shorten|polish|improve|edit|correct|critique|reword|tldr|tl;dr|simplify"
                    + "|make (?:this|it|the following) (?:sound|more|less|shorter|friendlier|polite)|check (?:the |my |this )?(?:grammar|spelling|tone|punctuation)|fix (?:the |my )?(?:grammar|spelling|punctuation|tone|typos?)(?! in (?:the |our |my )?(?:readme|docs|code|repo|source|comments|changelog|project|config|\\S+\\.\\w))"
                    + "|is (?:this|the following|my) (?:\\w+ )?(?:email|e-mail|sentence|text|message|tweet|paragraph|note|tone|wording|phrase)|what(?:'s| is) the (?:tone|sentiment|meaning|main point|gist|moral|message) of"
                    + "|how (?:polite|formal|rude|clear) is|does (?:this|my|the following) (?:\\w+ )?(?:sentence|email|message|text|sound)|how do you say|say .{0,40} in (?:french|german|spanish|italian)|turn (?:this|the following) (?:email|note|text|paragraph)|reply to (?:this|the following)|respond to (?:this|the following)|draft|compose|write (?:an? |the |me an? |my )*(?:\\w+ ){0,3}?(?:email|e-mail|letter|poem|essay|story|haiku|song|tweet|post|blog|article|speech|message|reply|toast|cover letter|bio|paragraph|summary of|sonnet|limerick|headline|slogan|caption|review|memo|announcement|press release|invitation|note|joke|outline|description|fairy tale|novel|chapter|scene|dialogue|monologue|screenplay|rap|lyrics|eulogy|newsletter|proposal|thank.you)\\b)");

    /** "Using node, print the time". */
    static final Pattern WITH_LANGUAGE = Words.pattern(
            "^(?:please |can you |could you )*(?:using|use|with|via) [\\w#+. ]{1,20},? (?:to )?(?:please )?(?:print|compute|calculate|count|list|generate|simulate|find|sort|show|get|tell me|evaluate|make|create|check|convert|display|output|determine|solve|plot|draw)\\b"
                    + "|^(?:please |can you |could you )*(?:print|compute|calculate|count|generate|simulate|display|output|determine|solve)\\b[^?]{1,150}\\b(?:using|with|via|in) [\\w#+.]{1,12}[.! ]*$");

    /** The same, said later in the sentence. */
    static final Pattern WORDING = Words.phrases("""
            (?:make|making|sound|sounds) (?:it|them|this|that|these|the \\w+)? ?(?:sound )?(?:nicer|more polite|politer|friendlier|more formal|less \\w+|more professional|professional|kinder|warmer|smoother|more natural)
            (?:proofread|rephrase|reword|paraphrase)
            """);

    /** Words that only make sense after something else. */
    static final Pattern ELLIPSIS = Words.pattern(
            "^(?:and |ok |now |then |also |but |please )*(?:(?:now|same|again|and|then) (?:as|for|with|in|by|do|without)\\b|the same\\b|same\\b|(?:run|do|try|plot|execute|repeat) (?:it|that|this|them)(?: again| once more| for \\w+| with \\w+| now| please)?[.!? ]*$|as (?:an? )?(?:csv|bar chart|pie chart|table|json|pdf|line chart)\\b|another (?:one|colou?r)|use another)");

    /** A few things that anybody puts in order. */
    static final Pattern FEW_ITEMS = Words.pattern(
            "^(?:please |can you |could you )*(?:sort|alphabeti[sz]e|order|rank|reverse|put)\\b[^:\\n]{0,60}: ?[^,\\n]{1,30}(?:,[^,\\n]{1,30}){0,3}$");

    static final Pattern SMALL_TALK = Words.pattern(
            "(?:(?:hi|hello|hey|yo|hiya|howdy|good (?:morning|afternoon|evening|night|day)|greetings|thanks?|thank you|thx|ty|cheers|much appreciated|appreciate it|great|nice|cool|awesome|perfect|excellent|wonderful|amazing|wow|lol|haha+|ok|okay|k|got it|i see|makes sense|understood|sure|fine|good|bye|goodbye|see you|later|welcome|no problem|never ?mind|sorry|oops|hmm+|ah|oh|good (?:job|work|one)|well done|that's (?:great|nice|all|it|fine|helpful|cool|awesome|perfect)|looks? (?:good|great|nice)|you're (?:the best|great|awesome|welcome)|love it|so much|a lot|very much|again|for (?:the|your|that|this|all|everything)(?: \\w+){0,4}|there|everyone|all|team|buddy|friend|mate|assistant|athenic|and|that|it|was|is|really|very|helpful|works?(?: now| great| fine| perfectly)?|it|this|now|how are you(?: doing)?(?: today)?|what's up|sup|how's it going|who are you|what are you|what can you do|what's your name|nice to meet you|have a (?:nice|good|great) \\w+|test|testing|run|python|bash|code|help|hm)[ ,.!?:;)(\u2764\ufe0f\ud83d\udc4d\ud83d\ude0a\ud83d\ude4f\ud83c\udf89]*)+");

    /** Questions about abilities, with nothing to do. */
    static final Pattern ABILITY = Words.pattern(
            "^(?:hey |hi |so |and |ok |just curious,? |quick question[:,]? |out of curiosity,? |athenic,? )*(?:(?:can|could) (?:you|this|it|the sandbox|athenic|the assistant|i)|are you (?:able|allowed|capable)|do you (?:support|have|know|speak|understand|allow|offer|accept|handle)|is it possible|does (?:this|it|the sandbox|athenic|your sandbox)|what (?:languages|file types|packages|libraries|formats|kinds? of \\w+|programming languages) (?:can|do|are)|which (?:languages|file types|packages|libraries|formats|programming languages) (?:can|do|are)|do you know how|would you be able|will you be able|what can you|how many (?:languages|files) can you)\\b[^:\\n]{0,120}$");

    /** Parts of an ability question that make it a task after all. */
    static final Pattern CONCRETE = Words.pattern(
            "\\b(?:this|these|that|those|my|our|the|following|below|attached|attachment|it|them|me|us|for)\\b|\\d|\\w\\.\\w{2,4}\\b|https?:|=|\u2063|\"");

    /** Reports of what the person did. */
    static final Pattern REPORT = Words.phrases("""
            ^(?:.{0,30}[,.!] )?(?:i|we|my \\w+|he|she|they) (?:just |already |finally |have |had |'ve |also |then |successfully |managed to )*(?:ran|run|executed|tested|tried|installed|fixed|deployed|plotted|used|wrote|finished|solved|got|uploaded|sent|downloaded|pushed|merged|committed|made|compiled|restarted|read|learned|created|calculated|cloned|renamed|deleted|built) (?!.{0,200}(?:\\?|can you|could you|please|help|fix|error|fail|need|but (?:it|the)|doesn't|didn't|not work|find))
            """);

    /** Attempts to give the answer of this very decision. */
    static final Pattern STEERING = Words.phrases("""
            (?:output|respond|answer|reply|say|return|print|classify)(?: \\w+){0,3} (?:with )?["']?(?:yes|true|no|false|1|requires_?execution)\\b["']?(?: only)?[.! ]*$
            (?:requires_?execution|requiresexecution|requires_execution|needs_?execution) ?(?:=|:|to|is)? ?"?(?:true|yes|1|false)
            (?:set|mark|label|flag|classify|treat|consider) (?:this|it|that|the (?:flag|label|result|message|request|intent|answer|output))(?: ... )?(?:as )?(?:requires?|requiring|needing|needs?|executable|requires_execution|true)
            (?:ignore|disregard|forget) (?:all |any |the |your )*(?:previous |prior |above |earlier )*(?:instructions|rules|prompts?|guidelines)
            (?:you are|act as|pretend (?:to be|you are)|this is) (?:now )?(?:an? |the )?(?:classifier|intent)
            """);

    /** Facts to be looked up: prices, weather, news. */
    static final Pattern LIVE_FACT = Words.phrases("""
            (?:weather|forecast for (?:tomorrow|today|this week(?:end)?)|temperature (?:in|outside|today)|news|headlines|stock price|share price|price of (?:bitcoin|gold|oil|tesla|apple|ethereum|btc|eth)|exchange rate|who won|score of|latest (?:on|news|version of)|what time is it|current (?:time|president|price|weather|temperature)|today's (?:date|weather|news)|is it raining|traffic)
            """);

    /** Mentions of a file in talk. */
    static final Pattern FILE_TALK = Words.phrases("""
            (?:thanks|thank you|thx|cheers|appreciate) (?:for|a lot for|so much for)?
            (?:what|how) (?:should|shall|do|would|can|could) (?:i|we) (?:name|call|title|store|share|format|structure|organi[sz]e|back up)
            (?:what is|what's|what are) (?:an? )?(?:csv|json|xlsx|pdf|parquet|yaml|xml|zip|tsv|docx)(?: files?)?\\b
            (?:sent|emailed|shared|received|got|lost|forgot|attached|saw) (?:you |me |him |her |them )?(?:the|my|your|that|a|an) (?:file|attachment|pdf|csv|spreadsheet|document|report)(?! and|,? (?:can|could|please))
            is (?:csv|json|xlsx|pdf|parquet|xml|yaml) (?:better|faster|good|worse|smaller|safer|a|the)
            (?:csv|json|xlsx|xls|pdf|parquet|yaml|xml|excel) (?:vs\\.?|versus|or) (?:csv|json|xlsx|xls|pdf|parquet|yaml|xml|excel)
            (?:good|better|best|nice|short|descriptive) (?:file ?)?names?
            (?:did you (?:see|get|receive|read|open|notice)|have you (?:seen|received|read|opened|got))
            what (?:format|structure|shape|order) (?:should|shall|would|do)
            """);
}
