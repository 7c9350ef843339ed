package io.athenic.chat.intent;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Wishes that need something run although the message carries no code. */
final class Tasks {

    /**
     * A kind of task.
     *
     * @param language what it is done in unless the message names another
     */
    record Task(String reason, String language) {}

    private record Rule(Task task, Pattern pattern) {}

    private static Rule rule(String reason, String language, String phrases) {
        return new Rule(new Task(reason, language), Words.phrases(phrases));
    }

    private static final String FILE_NAME =
            "[\\w-][\\w.-]{0,100}\\.(?:csv|tsv|xlsx?|xlsm|ods|pdf|docx?|odt|rtf|pptx?|jsonl?|ndjson|zip|tar|tgz|tar\\.gz|7z|rar|txt|png|jpe?g|gif|bmp|webp|tiff?|svg|heic|parquet|feather|avro|logs?|xml|md|db|sqlite3?|html?|ya?ml|toml|ini|ipynb|mp[34]|wav|flac|mov|avi|mkv|srt|ics|vcf|eml|geojson|shp|kml|npy|pkl|h5|sav|dta|bib|tex|epub|env|cfg|conf|bak|sql|gz)\\b";

    private static final Pattern FILE = Words.pattern("(?<![\\w@/.-])(?:[\\w~.-]{0,80}/){0,12}" + FILE_NAME);

    private static final Pattern SOURCE = Words.pattern(
            "(?<![\\w@./-])[\\w./-]{0,120}\\w\\.(?:py|mjs|cjs|jsx?|tsx?|bash|sh|java|go|rs|cpp|cc|cs|rb|php|kts?|scala|swift|pl|lua|jl|ps1|c|r)\\b(?!\\.)");

    private static final Pattern URL =
            Words.pattern("https?://\\S+|\\bwww\\.\\w+\\S*|\\b\\w+\\.(?:com|org|net|io|dev)/\\S*");

    private static final String FILE_WORD =
            "(?:files?|spreadsheets?|workbooks?|csvs?|pdfs?|documents?|docs?|attachments?|uploads?|excels?|xlsx|dataset|data ?set|data ?frame|json|zips?|archives?|images?|photos?|pictures?|screenshots?|logs?|log file|slides?|deck|presentation|sheets?|tables?|invoices?|receipts?|exports?|dumps?|audio|video|recording|word doc\\w*|powerpoint|notebook|transcript|contract|resume|cv|statement)";

    private static final Pattern ATTACHED = Words.phrases("""
            (?:the |this |that |my |these |those |an |our )?(?:attached|uploaded|enclosed|accompanying) %F
            (?:the |this |that |my |these |those )?%F (?:that )?(?:i(?:'ve| have)? (?:just |already )?(?:attached|uploaded|sent|shared|dropped|added|provided|gave|pasted)|attached|uploaded|above|here|in (?:the )?(?:attachment|upload|chat|thread|folder|sandbox|workspace|directory|downloads))
            (?:the|this|these|both|my) (?:attachments?|uploads?|attached|uploaded)(?! (?:endpoint|button|form|page|feature|function|handler|limit|speed|dialog|component|route|service))
            (?:this|these|that|both|those) (?:two |three |four |large |big |excel |csv |pdf |attached |raw )?(?:csv|excel|pdf|json|zip|xlsx|spreadsheet|workbook|dataset|data ?frame|image|photo|picture|file|log|document|archive|audio|video|sheet|log file|invoice|export)s?
            i(?:'ve| have)? (?:just )?(?:attached|uploaded|dropped)
            (?:here's|here is|here are|this is) (?:the|my|our|a) %F
            """.replace("%F", FILE_WORD));

    private static final Pattern FILE_QUESTION = Words.phrases("""
            (?:how many|how much|which|who|what|is|are|does|do|when|where|did|has|have|can you|could you)
            """);

    private static final Pattern FILE_MOVE = Words.pattern(
            "\\b(?:rename|move|copy|delete|remove|touch|chmod|mv|cp|rm|unzip|untar|gunzip|symlink)\\b (?:the |my |this |that |file |folder |all |files )*"
                    + "[\\w./-]*\\w\\.\\w{1,6}\\b");

    private static final Pattern FILE_VERB = Words.phrases("""
            (?:read|open|load|parse|import|search|scan|grep|look (?:at|in|into|through)|check|inspect|examine|summari[sz]e|analy[sz]e|change|edit|update|modify|convert|turn|transform|merge|combine|concatenate|join|split|validate|verify|clean|dedupe|deduplicate|de-duplicate|fix|repair|produce|create|generate|make|build|save|export|write|extract|pull|get|find|show|list|print|display|preview|count|sum|total|compute|calculate|plot|chart|graph|visuali[sz]e|compare|diff|sort|filter|group|pivot|aggregate|rename|move|copy|delete|remove|compress|resize|crop|rotate|zip|unzip|untar|decompress|encrypt|decrypt|hash|ocr|transcribe|translate|redact|replace|append|insert|add|drop|fill|format|describe|profile|tell me|give me|how many|how much|what(?:'s| is) (?:in|inside)|explain|flag|highlight|mask|anonymi[sz]e|query|rotate|watermark|annotate|fit|train|predict|cluster|tail|head|download|run|process|go through|review|put|rewrite|reformat|reverse|shuffle|sample|minify|prettify|pretty.?print|round|normali[sz]e|standardi[sz]e|tidy|strip|lowercase|uppercase|capitali[sz]e|swap|flip|trim|blur|sharpen|grayscale|greyscale|thumbnail|dump|back up|tally|match|reconcile|cross.?check|highest|lowest|average|median|mean)
            """);

    private static final String DATA_NOUN =
            "(?:sales|revenue|revenues|orders?|customers?|clients?|users?|signups?|sign-?ups|churn|retention|conversions?|conversion rates?|traffic|sessions|page ?views|clicks|expenses|costs?|spend|spending|budget|profits?|margins?|invoices?|inventory|stock levels?|products?|transactions?|payments?|refunds?|returns|leads?|deals|pipeline|subscriptions?|subscribers|mrr|arr|ltv|cac|kpis?|metrics|tickets|support tickets|employees|headcount|payroll|shipments|deliveries|bookings|survey|responses|feedback scores|ratings|nps|campaign results|ad spend|ads|open rates?|data|dataset|datasets|numbers|figures|database|db|records|rows|accounts|cash ?flow|cohorts?|turnover|purchases|sku|skus|visits|visitors|usage|logins|downloads|attendance|time ?sheets?|hours)";

    private static final List<Rule> RULES = List.of(
            rule("files of the sandbox are to be worked on", "bash", """
                    how many (?:\\w+ )?(?:files|folders|directories)\\b(?! (?:can|should|do you))
                    (?:largest|biggest|newest|oldest|smallest) (?:\\d+ )?files?\\b
                    lines of code
                    (?:list|show|display|see|print|count|find|search|check|get|enumerate|give me|tell me|what are|which are|what) (?:me |for |us )?(?:all |of |the |my |every |any |each |hidden |only |largest |biggest |newest |oldest |most recent |current |contents? of |top |\\d+ |python |empty |big |large )*(?:files?|folders?|director(?:y|ies)|contents)(?: (?:are |is |do we have )?(?:in|under|inside|of|here|there|larger|bigger|over|modified|named|ending|with|matching|that|older|newer|by|we|and|recursively|on)|[?.! ]*$)
                    what(?:'s| is) in (?:the |my |this |our )?(?:current |working |home |root |parent |src |data |tmp |project |downloads |\\w+ )?(?:folder|directory|dir|workspace|sandbox|repo|repository|filesystem|home|project)
                    (?:create|make|add|set up|mkdir|delete|remove|rm|rename|move|copy|clear|empty|clean up|clean out|touch|zip|unzip|tar|compress|archive|extract|back up|backup|sync|organi[sz]e|symlink|chmod|restore|duplicate) (?:me |up )?(?:an? |the |all |all the |my |this |every |each |some |these |those |any |our |new |empty |old |temporary |temp |unused |both |\\d+ )*(?:\\.?[\\w*-]+ ){0,3}?(?:files?|folders?|sub ?folders?|director(?:y|ies)|symlinks?|archives?)\\b(?! (?:structure for|naming|format))
                    (?:current|working|present) (?:working )?(?:directory|folder)|what directory|which directory|where am i
                    (?:disk|free|storage|hard drive|used|available|swap) (?:space|usage|memory|ram)|(?:memory|cpu|ram|disk|gpu|system) (?:usage|load|info|information|specs|stats)|how much (?:disk|memory|ram|space|storage|cpu|free)\\b(?! (?:do|does|should|would) (?:i|we|you|one|it) need)|(?:number of|how many) (?:cpus?|cores|processors)|load average|system uptime
                    (?:size of|how big is|how large is) (?:the |this |my |each |every )(?:\\w+ ){0,2}(?:folder|directory|file|repo|database|home|log)
                    (?:file )?permissions? (?:of|on|for) |make \\S+ executable|change (?:the )?(?:owner|ownership|permissions?|mode)
                    (?:environment variables?|env vars?)(?: (?:are|is|set|do|in|here|for)|[?.! ]*$)|(?:set|export|unset|print|show|list|echo) (?:the |an? |all |my )?(?:\\w+ )?(?:environment variables?|env vars?|env var|path variable|\\$\\w+)
                    find (?:all |every |the |any |where |which )(?:\\w+ ){0,4}(?:that (?:contain|mention|import|use|call)|containing|named|larger than|bigger than|older than|todos?|occurrences? of|references? to|usages? of|duplicates? in)
                    (?:search|grep|look) (?:for |through |in |the |my |all |across |everything |our |this )+.{0,50}(?:codebase|repo|repository|project|logs?|files|directory|folder|source|src)
                    """),
            rule("git work", "bash", """
                    clone (?:me )?(?:the )?(?:https?://|git@|[\\w.-]+/[\\w.-]+)\\S*
                    (?:git|github) (?:status|log|diff|blame|history|commits?|push|pull|clone|branch|branches|stash|rebase|merge|repo|repository|tags?|init|bisect|reset|checkout|add)(?! (?:do|does|mean|work|is|are|vs|versus|conflict\\?))
                    (?:clone|fork|checkout|check out|fetch|push|pull|commit|stash|rebase|revert|squash|cherry-?pick|tag|merge|amend|stage|unstage|undo|reset|bisect|diff) (?:to |from |out |in |up |and push |all |it |everything )*(?:the |my |our |this |all |these |a |an |those |latest |last |current |new |recent |feature |any |to |from |into |branch |\\d+ )*(?:[\\w./#-]+ )?(?:repo|repository|branch|branches|commit|commits|changes?|main|master|origin|upstream|develop|pr|pull request|remote|stash|head|release|tag|working tree|index|staged|hotfix|merge)\\b
                    (?:create|make|open|start|delete|switch to|push|list|show|rename|merge) (?:me )?(?:an? |the |my |all |new |local |remote |stale |merged )*(?:[\\w/-]+ )?(?:branch|branches|pull request|pr|commit|commits|git tag|git repo|worktree|merge request)\\b
                    (?:last|latest|recent|previous) (?:\\d+ |few |three |five |ten )?commits?|commit (?:history|log|message)s?(?: of| for| in|[?.! ]*$)|uncommitted|who (?:last )?(?:changed|committed|wrote|touched|broke)|commit (?:everything|it|this|that|these|them|all|with)|what(?:'s| has| have)? changed (?:since|in|between|on)|(?:which|what|current) branch
                    """),
            rule("packages, processes, ports or the network are to be worked on", "bash", """
                    (?:^|[.,;!?] |please |you |and |then |to |just |need |want )(?:pip |npm )?(?:install|uninstall|reinstall|upgrade|update|downgrade|add|remove) (?:me |up )?(?:the |a |an |latest |all |my |version |python |npm |node |these |required |missing |newest |our |some |pip |apt )*(?:[\\w@/.=<>+-]+,? ?(?:and )?){0,4}?(?:packages?|librar(?:y|ies)|modules?|dependenc(?:y|ies)|requirements|deps|pip|npm|apt|conda|version \\d|via|globally|locally|with pip|from pypi|in the sandbox|from requirements)\\b
                    (?:^|[.,;!?] |please |you |and |then |just )(?:pip )?(?:install|uninstall|reinstall) (?!an? (?:\\w+ )?(?:app|game)\\b)[\\w@/.=<>+-]+(?:(?:,| and|,? and) [\\w@/.=<>+-]+)*(?: (?:for me|please|first|now|globally|in|on|with|via|using|and|from|then|package|version|here|so|if).*)?[.!? ]*$
                    (?:^|[.,;!?] |please |you |and |then |just )(?:install|uninstall|reinstall|upgrade) (?:the |latest |newest |current |stable |version of |package |library |module |tool )+[\\w@/.=<>+-]+(?: package| library| module)?(?: (?:for me|please|on|in|with|via|using|and).*)?[.!? ]*$
                    (?:which|what) version(?:s)? of .{1,40}(?:installed|do you have|is (?:there|here|running|available)|are you|have|is on|in (?:the|this) sandbox|do we)|(?:python|node|npm|java|gcc|go|rust|kernel|os|git|docker|pip) version(?: (?:is|installed|here|do|in)|[?.! ]*$)|(?:is|are) [\\w., -]{1,40} installed|what(?:'s| is| packages| python packages| libraries)? (?:are )?installed|list (?:all |the |my )*(?:installed|outdated)|(?:outdated|installed) (?:packages|dependencies|libraries|modules)
                    (?:check|see|find|tell me|which|what|is|whether|who|kill|free|scan|test|anything)(?: ... )?(?:port|ports) (?:\\d+|is|are|open|in use|listening|free)|port \\d+|open ports|listening (?:on|ports)|what(?:'s| is) (?:running|listening|using) (?:on )?(?:port|\\d)
                    (?:kill|stop|restart|start|list|show|find|terminate|monitor|check|reload|spin up|bring up|shut down|tail|launch|boot) (?:me )?(?:all |the |my |every |any |running |that |this |our |a |an |top |\\d+ )*(?:[\\w.-]+ ){0,3}?(?:process|processes|service|services|server|servers|daemon|daemons|containers?|pods?|jobs?|docker|nginx|postgres|redis|apache|logs?|dev server|cron ?jobs?|deployment|docker-compose|database|web server|localhost)\\b(?! (?:at|for the table))
                    which process(?:es)?\\b|(?:running|top|zombie|background) processes|process (?:list|tree|id)|what(?:'s| is)(?: using| eating| hogging)(?: up)? (?:the |all |my |so much )*(?:cpu|memory|ram|disk|space)
                    (?:test|check|see|verify|find out) (?:if|whether|that) [^.?!\\n]{0,40}(?:localhost|server|port|site|endpoint|service|database|host|network)\\b[^.?!\\n]{0,40}(?:up|down|respond\\w*|reachable|listening|running|open|works?|alive|online|accept\\w*|available|localhost\\S*)
                    (?:ping|traceroute|nslookup|dig|whois|resolve|dns lookup|curl|wget) (?!me\\b|us\\b|pong)(?:the |for )?[\\w./:-]+|(?:is|check (?:if|whether)) (?:the )?(?:\\S+\\.\\S+|site|website|server|api|internet|network|host|localhost\\S*) (?:is )?(?:up|down|reachable|online|responding|working|accessible|alive)|(?:my|the|your|our|public|external|sandbox's) ip(?: address)?(?: |\\?|$)|internet (?:access|connection|speed)
                    (?:set up|setup|create|make|activate|configure|initiali[sz]e|init|bootstrap|scaffold|spin up|start) (?:me )?(?:an? |the |my |new |fresh )*(?:\\w+ ){0,3}?(?:virtual ?env(?:ironment)?|venv|conda env(?:ironment)?|docker container|cron ?job|ssh key|git repo(?:sitory)?|dev environment|project|npm project|node project|react app|next\\.?js app|django project|flask project|vite project|swap file|virtual machine|package\\.json)\\b
                    (?:uname|hostname|kernel|whoami|chmod|chown|crontab|systemctl|ssh|rsync|tmux)\\b(?! (?:do|does|mean|work|is|vs|command))|(?:which|what) (?:user|os|operating system|linux|shell|distro|kernel)(?: \\w+)? (?:am i|are you|is|are we|do|version|running)|what time is it on the server
                    """),
            rule("the project is to be built, tested or started", "bash", """
                    (?:re-?run|run|execute|launch|start|kick off|fire up|do) (?:me )?(?:end-to-end |\\w+ )*(?:tests?|test suite|suite|linter|lint|build|type ?check(?:er)?|formatter|migrations?|benchmarks?|specs?|pytest|jest|eslint|mypy|black|ruff|prettier|cargo|make|ci|pipeline|script|scripts|app|application|server|program|notebook|job|dev server|seed|command|code|query|main|container|job|game|demo|cell|cells|profiler|coverage|smoke tests?)\\b
                    (?:build|compile|lint|deploy|type-?check|package|bundle|format|benchmark|profile|dockeri[sz]e|debug|test) (?:the |my |our |this |it |whole |entire |current |all |all of )+(?:\\w+ ){0,2}?(?:project|code ?base|repo|repository|app|application|code|site|website|image|package|module|binary|service|api|files|docs|documentation|frontend|backend|docker image|library|program|script|endpoint|function|suite|pipeline|branch)\\b
                    (?:do|did|are|is|why are|why do|which|how many|make|get|fix|check (?:if|that|whether)|see (?:if|whether)|have) (?:all |the |our |my |any |of |all of )*(?:\\w+ )?(?:tests?|test suite|build|ci|specs?|pipeline)(?: is| are| still| currently)? (?:pass|passing|passes|fail|failing|fails|green|broken|red|break|work|breaking|failed)
                    (?:fix|debug|investigate|repair) (?:the |my |our |that |this |all |any |those |these )*(?:\\w+ ){0,3}?(?:failing|broken|flaky|red|failed|lint|type|compile|build|import|test) (?:\\w+ )?(?:tests?|build|ci|suite|errors?|failures?|warnings?|spec|pipeline|issues?)
                    (?:code|test) coverage|coverage report|(?:tests|build) (?:is|are) (?:failing|broken|red)
                    """),
            rule("the repository is to be changed", "bash", """
                    (?:in|inside|across|throughout) (?:our|my|the|this) (?:\\w+ )?(?:repo|repository|code ?base|project|monorepo|app|source),? (?:please )?(?:replace|rename|add|fix|remove|change|update|implement|refactor|delete|find|move|create|make|bump|convert|upgrade)
                    (?:add|implement|build|create|put|insert|write|make|introduce|change|update|modify|edit|fix|rename|refactor|remove|delete|replace|move|extract|migrate|convert|port|upgrade|bump|clean up|apply|set up|integrate|wire up|document|translate|split|rewrite|find|swap|switch|generate|commit|patch|enable|disable|improve|optimi[sz]e|speed up|simplify|where|localise|localize)(?: ... )?(?:in|to|into|from|of|for|across|throughout|on|within|inside) (?:(?:the|my|our|this|that|whole|entire|current|your) )+(?:\\w+ ){0,2}?(?:repo|repository|code ?base|project|monorepo|source tree|source code|src|branch|pr|pull request|module|package\\.json|app's code|backend|frontend|front end|back end|login page|homepage|home page|settings page|navbar|header component|api|web ?app|our app|my app|the app|our site|my site|our website|my website|the website|checkout page|test suite|docs folder)\\b
                    (?:rename|replace|change|update|remove|delete|refactor|convert|fix|find|add) (?:the |all |every |each |our |any |my )*(?:[\\w.()'-]+ ){1,6}?(?:everywhere|throughout|across (?:the|our|all)|in (?:all|every) (?:the )?(?:files?|places?|modules?)|in the code|in our code|in my code|project-?wide|globally in|and (?:all )?(?:its|their) (?:usages?|callers?|references))
                    (?:open|create|raise|submit|make|send|prepare) (?:me )?(?:an? |the )?(?:pr|pull request|merge request|patch|mr)\\b
                    (?:bump|update|upgrade) (?:the |our |my |all )*(?:\\w+ ){0,2}(?:version|dependency|dependencies|deps|lockfile|changelog) ?(?:to|in|from|of|number|and|file)?
                    (?:fix|close|resolve|implement|address|work on) (?:the )?(?:issue|bug|ticket|todo|gh) ?#\\d+|fix (?:all |the )*todos?\\b|remove (?:all |the |any )*(?:dead|unused|commented.out) (?:code|imports?|variables?|functions?|dependencies|files)
                    (?:fix|change|make|add|move|update|replace|remove) (?:the |our |a |an |my )*(?:\\w+ ){0,4}(?:login|signup|sign-up|checkout|search|nav|header|footer|sidebar|dark mode|button|endpoint|route|middleware|logo|unit tests?|api|validation|rate limit\\w*|pagination|logging|caching|error handling)(?: \\w+){0,3} (?:in|on|to|of|for) (?:the|our|my) (?:\\w+ )?(?:app|site|website|page|project|repo|code|service|frontend|backend|component|form)
                    """),
            rule("a chart is to be drawn", "python", """
                    (?:plot|graph|chart|draw|visuali[sz]e|sketch|map|diagram|render|animate|overlay|re-?plot) (?:me |us |out |for me |it )?(?:an? |the |this |that |these |those |my |our |it|them|all |both |some |how |y|f|\\w ?=|data|sales|sin|cos|tan|log|exp|x|\\d|each |every |monthly |weekly |daily |revenue|against|as |over |two |three |four |on |of |total |average |number |results?|trend|customer|user|histogram|bar|pie|line|scatter)
                    (?:make|create|draw|generate|give|show|produce|build|want|need|see|get|do|put together|add|like|render|prepare|display|turn (?:it|this|that|these|them) into|into|as|with|using|export|save|plus|and|send)(?: me| us)? (?:an? |the |my |some |this |it |as |nice |simple |interactive |stacked |grouped |quick |line |colou?red |two |three |another |overlaid |side.by.side |small |3d |horizontal |vertical |clean |beautiful |pretty |basic |labelled |labeled |live |single |monthly |weekly |daily |sales |revenue |choropleth |animated )*(?:[\\w-]+ ){0,2}?(?:plots?|graphs?|charts?|histograms?|scatter ?plots?|scatter|heat ?maps?|box ?plots?|violin plots?|pie chart|bar chart|line chart|dashboards?|visuali[sz]ations?|treemaps?|sankey|gantt chart|funnel chart|candlesticks?|word ?clouds?|network graph|contour plot|pair ?plot|radar chart|density plot|trend ?line|choropleth|time series plot|waterfall|sparklines?|map)\\b(?! (?:reading|theory|database|type|twist|of the (?:movie|book|novel|film|story))(?!\\w))
                    (?:histogram|scatter ?plot|heat ?map|box ?plot|bar chart|pie chart|line chart|line graph|bar graph|violin plot|dashboard|treemap|choropleth|sankey|word ?cloud|area chart|bubble chart) (?:of|for|from|showing|with|comparing|over|by|that|please|where|to|using)
                    (?:^|[.,;:!?] |please |you |to |and |then |me |now |just |also |let's )(?:visuali[sz]e|plot|chart|graph) (?:[\\w']+ ){0,4}(?:as|by|over|per|vs\\.?|versus|against|from|between|for|with|in|on|of|using)\\b
                    """),
            rule("data is to be analysed", "python", """
                    (?:analy[sz]e|analysis of|forecast|predict|project|model|segment|cluster|aggregate|pivot|group|correlate|regress|clean|cleanse|dedupe|deduplicate|join|merge|summari[sz]e|break down|breakdown of|compare|rank|calculate|compute|total|sum|average|count|reconcile|benchmark|simulate|estimate|tabulate|slice|profile|explore|query|filter|sort|list|pull|get|show|find|report|look at|track|measure|determine|identify|extrapolate|impute|bucket|drill into|crunch|run the numbers on|give me|tell me|check|which|export|detect|classify|see)(?: ... )?(?:our|my|the company's|the team's|last (?:month|week|quarter|year)'?s?|this (?:month|week|quarter|year)'?s?|yesterday's|today's|monthly|weekly|daily|quarterly|annual|yearly|q[1-4]|the sales|the customer|the order|the revenue|20[12]\\d|year.over.year|historical) (?:[\\w%/-]+ ){0,4}?%D\\b
                    (?:what|which|how many|how much|who)(?:'s| is| are| was| were| did| do| have| has)? ?(?:[\\w'-]+ ){0,6}?(?:our|my|the company's|we)(?: [\\w'-]+){0,5}? (?:%D|sell|sold|make|made|earn|earned|lose|lost|spend|spent|ship|shipped|churn|churned|grow|grew)\\b
                    (?:what|which|how many|how much|who) (?:[\\w'-]+ ){0,6}?%D (?:[\\w'-]+ ){0,6}?(?:last|this|previous|past|in|by|per|since|during|between|for) (?:the )?(?:month|week|quarter|year|day|january|february|march|april|may|june|july|august|september|october|november|december|q[1-4]|20\\d\\d|\\d+ (?:days|weeks|months)|region|country|product|category|channel|customer|segment)
                    (?:top|bottom|best|worst|highest|lowest|biggest|largest) (?:\\d+|five|ten|three|twenty|selling|performing)? ?(?:selling |performing |paying |grossing )?(?:\\w+ )?(?:%D|products?|items?|customers?|regions?|categories|stores?|reps?|salespeople|pages|campaigns?|channels?|vendors?|suppliers?) (?:by|for|last|this|per|we|from|based|ranked|over|in (?:q[1-4]|20|the last|our|the past|january|february|march|april|may|june|july|august|september|october|november|december)|of (?:the (?:last|year|month|quarter|week)|our|last|this|20\\d\\d|all))
                    (?:average order value|month.over.month|year.over.year|mom growth|yoy|growth rate|moving average|rolling (?:average|mean)|cohort analysis|rfm analysis|a/b test results?|customer lifetime value|churn rate|retention curve|market basket|conversion funnel|anomal(?:y|ies) in|outliers? in|sentiment analysis (?:on|of)|time series (?:of|analysis|forecast)|linear regression (?:on|of)|logistic regression (?:on|to|for|of)|k-?means|random forest|decision tree|pca|hypothesis test|t-test|chi.square|anova|correlation (?:between|matrix|of)|regression (?:of|on|model|line|analysis)|confidence interval)(?: ... )?(?:for|of|on|our|my|the|in|between|by|from|over|these|this|with|using|to)\\b
                    (?:train|fit|build|tune|evaluate|cross-validate) (?:me )?(?:an? |the |this |my )*(?:\\w+ ){0,4}?(?:model|classifier|regressor|regression|neural network|network|random forest|xgboost|svm|decision tree|predictor|forecast|clustering|pipeline|curve|line|distribution)\\b
                    (?:analy[sz]e|clean|aggregate|pivot|cluster|merge|join|dedupe|deduplicate|normali[sz]e|sort|filter|group|summari[sz]e|tabulate|average|parse|crunch) (?:this|these|that|those|the following|the above|the|my|our|all|following) (?:\\w+ ){0,3}?(?:data|dataset|numbers|figures|records|rows|values|table|list|sales|results|responses|log|logs|entries|metrics|transactions|measurements|points|series|survey|scores|prices|lines|columns|orders|customers|contacts|addresses|emails|names|dates)
                    (?:how|why) (?:much |many |well |fast |often )?(?:did|has|have|is|are|was|were|does|do)(?: has| have)? (?:our|the company's|my) (?:\\w+ ){0,3}?%D\\b(?! (?:work|team|process|strategy))
                    (?:show|give|get|list|pull|report|display|plot|break down|split|see|export|tell)(?: me| us)?(?: out)? (?:the |a |our |my |total |all |monthly |weekly |daily |number of |average |net |gross |new |active |top |summary of |breakdown of |list of |report of )*(?:\\w+ )?%D (?:\\w+ ){0,2}?(?:by|per|for|in|over|from|of|since|between|grouped|broken|last|this|vs|versus) (?:the |each |our |my |last |this |past |previous )*(?:region|country|month|week|day|year|quarter|product|category|customer|channel|segment|department|store|team|rep|salesperson|source|status|city|state|q[1-4]|20\\d\\d|january|february|march|april|may|june|july|august|september|october|november|december|type|age|gender|device|plan|cohort|sku|brand|supplier|\\d+ (?:days|weeks|months))\\b
                    (?:forecast|predict|project|extrapolate|estimate) (?:our |my |the |next (?:month|week|quarter|year)(?:'s)? |this (?:month|week|quarter|year)(?:'s)? |future |monthly |weekly )+(?:\\w+ ){0,2}?(?:%D|demand|growth|performance|stock|prices?|volume)
                    (?:show|give|get|list|pull|report|display|plot|find|export|count)(?: me| us)? (?:the |all |our )*(?:distribution of |list of |number of )?(?:%D|order values?) (?:who|that|which|whose|with|without|where|having|older|above|below|over|under|created|placed|\\w+ than)
                    (?:distribution|histogram|trend|breakdown|evolution|summary statistics) (?:of|for|in) (?:the |our |my |all )?(?:\\w+ )?(?:%D|values|amounts|ages|prices|scores)
                    (?:simulate|monte.carlo|run \\d[\\d,]* (?:simulations|trials|iterations)|bootstrap \\d+|random walk)
                    """.replace("%D", DATA_NOUN)),
            rule("an analysis is to be run", "python", """
                    (?:re-?run|run|execute|perform|do|conduct) (?:me )?(?:an? |the |my |our |this |that |quick |simple |another )*(?:[\\w/-]+ ){0,3}?(?:analysis|report|simulation|model|regression|etl|backtest|anova|t-test|test on these|clustering|forecast|calculation|computation|aggregation|statistics|stats|numbers)\\b
                    how (?:did|have|has|are|is|do) (?:the )?%D (?:been )?(?:perform|develop|do|doing|change|changed|trend|trending|evolve|compare|grow|grown|look|looking)
                    """.replace("%D", DATA_NOUN)),
            rule("a page or an address is to be fetched", "python", """
                    (?:scrape|crawl|web.?scrape|spider)(?: ... )?(?:https?://|www\\.|\\w+\\.(?:com|org|net|io|gov|edu|dev)|the (?:site|website|page|titles|headlines|table|prices|links)|from|titles|prices|wikipedia|hacker ?news|site|website|page)
                    (?:call|hit|query|ping|post to|send (?:an? )?(?:get|post|put|delete|http|request)\\b.{0,30}to|make (?:an? )?(?:get|post|put|delete|http|api)? ?(?:request|call) to|request|poll|get|post|put) (?:the |an? |this |our |my )*(?:\\w+ ){0,3}?(?:api|endpoint|webhook|url|rest api)(?: at| on| for| with| and|\\.|\\?|$)(?! design)
                    """),
            rule("something is to be measured", "python", """
                    (?:^|[.,;!?] |please |you |and |then |just )(?:benchmark|profile|stress.?test|load.?test|time) (?!me\\b|flies|is|was|to|for|will|out|off|zone)\\w+
                    """),
            rule("exact work on text", "python", """
                    (?:split|divide|assign|group|draw|distribute|put)(?: ... )?(?:randomly|at random|random)
                    which (?:word|letter|name|character|number|item)s?(?: ... )?(?:most often|most frequently|most common|the most|twice|more than once|missing|duplicated?)
                    (?:base64|base32|hex|hexadecimal|binary|md5|sha-?\\d+|rot13|url.?encod\\w*|morse(?: code)?|ascii(?: codes?)?|unicode code ?points?|crc32) (?:encoding |representation |hash |value |version |form |digest |codes? )?(?:of|for)\\b
                    (?:sort|alphabeti[sz]e|order|rank|reverse|shuffle|dedupe|deduplicate|count|randomi[sz]e|uppercase|lowercase|capitali[sz]e)[^.?!\\n]{0,60}:[^.?!\\n]*(?:,[^,\\n]*){3,}
                    (?:count|how many|number of|tally)(?: ... )?(?:words?|letters?|characters?|chars|vowels|consonants|syllables|lines|sentences|occurrences|times|times does|unique words|spaces|digits|commas|[a-z]'s|[a-z]s)\\b(?: ... )?(?:in|of|are|does|do|appear|there|occurs?|this|:|\\u2063|"|')
                    (?:sort|alphabeti[sz]e|dedupe|de-?duplicate|remove (?:the )?duplicates|unique|shuffle|reverse|randomi[sz]e|number|group|rank)(?: ... )?(?:list|lines|these|this|names|items|numbers|words|rows|following|entries|emails|values|alphabetically|ascending|descending|cities|countries|string)
                    (?:md5|sha-?1|sha-?256|sha-?512|sha|crc32|hash|bcrypt|hmac|checksum|blake2\\w?)(?: ... )?(?:of|for|this|the|hash|digest|sum|'|")|hash (?:this|the|of|'|")
                    (?:base64|base32|hex|url|rot13|morse|caesar|binary|ascii|utf-?8|html|percent)[- ]?(?:en|de)cod(?:e|ing|ed)?|(?:encode|decode|encrypt|decrypt|escape|unescape|encipher|decipher)(?: ... )?(?:base64|base32|hex|url|rot13|caesar|binary|jwt|string|message|this|to|from|with|as|token|morse|:)|to (?:base64|binary|hex|hexadecimal|rot13|morse code)\\b
                    (?:generate|create|make|give me|need|produce|get|want|roll|draw|pick|choose|select|flip|toss|throw|spit out)(?: me)? (?:an? |the |some |\\d+ |one |two |three |five |six |ten |a few |a couple of |several |strong |secure |new |fresh |list of |fair |set of )*(?:\\w+ )?(?:uuids?|guids?|random (?:\\w+ )?(?:numbers?|password|passwords|string|strings|sample|integers?|names?|winners?|samples|data|permutation|points|walk|token|key|order|draw|colou?rs?|dates?|hex|pin)|passwords?|passphrase|dice|die|d20|d6|coins?|lottery numbers|random|api key|secret key|nonce|token|mock data|fake (?:data|names|users|customers)|dummy data|test data|sample data|synthetic data|winner|raffle winner|winning)\\b
                    (?:flip|toss) (?:a |the )?coins?|roll (?:a |the |some |two |\\d+ |\\d*d\\d+)|(?:pick|draw|choose|select)(?: ... )?(?:at random|randomly|random|winner|by lot)|randomly (?:pick|choose|select|assign|split|draw|shuffle|order)|random (?:pick|draw|choice|winner)
                    (?:extract|pull out|find|parse|get|grab|list|match)(?: ... )?(?:emails?|e-mail addresses|phone numbers?|urls?|links|dates|numbers|ips?|ip addresses|hashtags|zip codes|names|amounts|prices|fields|values)(?: ... )?(?:from|in|out of) (?:this|these|the|following|below|that|my|it)
                    (?:convert|turn|transform|change|reformat|parse|make)(?: ... )?(?:this|these|the following|below|following|list|table|data|json|csv|xml|yaml|text|it|log)(?: ... )?(?:to|into|as|from) (?:an? |valid |proper |pretty )?(?:json|csv|xml|yaml|tsv|toml|sql inserts?|markdown table|html table|table|dictionary|upper ?case|lower ?case|title case|snake.?case|camel.?case|kebab.?case|excel|parquet|geojson|key.value)
                    (?:is|check (?:if|whether)|whether|does) (?:.{1,60} )?(?:a palindrome|an anagram|anagrams|valid (?:json|xml|yaml|email|iban|isbn|credit card|luhn|regex|csv)|well.formed|a valid)|validate (?:this|the following|these|my) (?:json|xml|yaml|csv|iban|isbn|schema|emails?|data|html)|(?:word|letter|character|n-?gram) (?:frequency|frequencies|count|counts|distribution)|levenshtein|edit distance|longest (?:common |palindromic )?(?:word|substring|subsequence|line)|diff (?:these|this|the two|between)
                    (?:test|apply|run|try|use|check|match) (?:this|the|my|that|a|following) (?:regex|regexp|regular expression|pattern)(?: ... )?(?:against|on|to|with|matches?)
                    """));

    private static final Pattern SHELL_THING = Words.phrases("""
            (?:show|list|find|get|count|check|create|make|remove|delete|clean|reinstall|install|fix|update|run|print|set|start|stop|restart|open|search|tell|what's in|what is in|what's|look|see|display|zip|stash|kill|clear|switch|configure|free)\\b[^.?!\\n]{0,60}\\b(?:this directory|this folder|current folder|file tree|directory tree|node modules|node_modules|environment variables?|env vars?|git \\w+|docker \\w+|npm|containers?|the repo|the repository|code ?base|linter|lint errors|type errors|localhost|working tree|virtual ?env|the sandbox|the terminal|home directory|log files?|syslog|commits?|source files|untracked files|readme|changelog|this repo|files in|folders in|all files|every file|crontab|the shell|open files|symlinks?|the server logs)
            show (?:me )?(?:the |all |my |recent )*changes (?:since|in|between|from|on|of)
            (?:fix|correct|update|change|edit|improve|extend) (?:the |a |all |any )*(?:\\w+ ){0,3}?(?:in|of|to) (?:the |our |my )(?:readme|changelog|docs|source|code|config|comments?)\\b
            how many (?:commits|branches|contributors|tests|lines|packages|processes|users are logged)\\b
            (?:watch|tail|follow|monitor|inspect) (?:the |my |our )*(?:\\w+ )?logs?(?: files?)?\\b
            (?:replace|convert|change|fix|strip) [^.?!\\n]{0,40}\\b(?:in|across) (?:all|every|each) (?:\\w+ )?files?\\b
            who(?: else)? is logged in|how long (?:has|have|is) (?:the |this )?(?:system|machine|server|computer|sandbox|box)(?: been)?
            """);

    private static final Pattern DATA_THING = Words.phrases("""
            (?:show|list|find|get|give|count|compute|calculate|check|create|make|remove|delete|clean|convert|extract|generate|sort|split|merge|verify|print|draw|analy[sz]e|identify|detect|replace|tell|turn|determine|enumerate|what percentage of|how many of|which of|what fraction of|simulate|estimate|evaluate|transform|format|parse)\\b[^.?!\\n]{0,60}\\b(?:permutations|combinations|palindromes?|primes|duplicates?(?: lines| rows| words| entries)?|outliers|anomalies|histogram|standard deviation|quartiles|percentiles|random numbers?|hash|uuids?|title case|upper ?case|lower ?case|snake_?case|word count|character count|frequency table|truth table|multiplication table|prime numbers|fibonacci|pascal's triangle|the csv|the json|the dataset|the data ?frame|the spreadsheet|the pdf|the excel file|missing values)
            (?:list|show|find|get|give me|total|sum|average|count|number of)(?: me)? (?:the |all |our )*(?:\\d+ |top |most |least |total |average |number of |cheapest |latest |largest |biggest )*(?:\\w+ ){0,2}?%D (?:by|per|for|in|over|from|since|between|above|below) (?:the |each |our |last |this )*(?:\\w+)
            (?:list|show|find|get|give me)(?: me)? (?:the |our )*(?:top |bottom |last |first )?\\d+ (?:most |least |top |best |worst |cheapest |latest |newest |oldest |largest )+(?:\\w+ ){0,2}?%D
            by (?:actually )?(?:running|executing|testing) (?:it|them|the)
            (?:rot13|base64|md5|sha256|reverse|uppercase|lowercase|titlecase) (?:this|that|the string|it)\\b
            """.replace("%D", DATA_NOUN));

    /** A last look, once everything has been ruled out that words would answer: a doing word with a thing of the trade. */
    static @Nullable Task byThing(String prose) {
        if (SHELL_THING.matcher(prose).find()) {
            return new Task("work in the shell", "bash");
        }
        return DATA_THING.matcher(prose).find() ? new Task("exact work on data", "python") : null;
    }

    private static final Pattern QUOTED_TALK = Words.pattern("\"[^\"\\n]{12,}\"");

    static final Pattern FAILING = Words.phrases("""
            (?:make|get) (?:the|all|our|my|these|all the) (?:\\w+ )?(?:tests?|build|ci|pipeline) (?:to )?(?:pass|green|work|succeed)
            who (?:last |has )?(?:made|changed|committed|wrote|touched|edited|broke|pushed) (?:the )?(?:last|latest|most recent|line|this file|build|[\\w/]+\\.\\w+)
            (?:why (?:is|are|do|does) (?:the|our|my|this|these) (?:\\w+ )?(?:tests?|build|ci|pipeline|deployment|test suite)(?: \\w+)? (?:fail|failing|fails|broken|red|breaking|crashing))
            """);

    private Tasks() {}

    /** The task that the normalised prose asks for; null when it asks for none. */
    static @Nullable Task find(String prose) {
        String text = QUOTED_TALK.matcher(prose).replaceAll("\" \"");
        for (Rule rule : RULES) {
            if (rule.pattern().matcher(text).find()) {
                return rule.task();
            }
        }
        return null;
    }

    /** True when the prose names a file of data or documents. */
    static boolean namesFile(String prose) {
        return FILE.matcher(prose).find();
    }

    /** True when the prose names a file of source code. */
    static boolean namesSource(String prose) {
        return SOURCE.matcher(prose).find();
    }

    /** True when the prose speaks of a file that was handed over. */
    static boolean attached(String prose) {
        return ATTACHED.matcher(prose).find();
    }

    private static final Pattern DATA_VERB = Words.phrases("""
            (?:sort|sum|average|total|add up|count|convert|parse|validate|plot|chart|graph|visuali[sz]e|clean|dedupe|deduplicate|filter|compute|calculate|how many|highest|lowest|median|mean|maximum|minimum|group|merge|extract|reformat|transform|analy[sz]e|turn (?:this|it|these) into|percentage|standard deviation|correlation|rank|pivot|aggregate|normali[sz]e|tabulate|duplicates|regression|trend|outliers?|pretty.?print|minify|top \\d+|per (?:month|day|region|product|customer)|which (?:\\w+ ){1,3}(?:has|have|had|is|was|sold|earned|spent) the)
            """);

    /** True when pasted data is to be worked on. */
    static boolean dataVerb(String prose) {
        return DATA_VERB.matcher(prose).find();
    }

    /** True when something is to be done with the file that the prose names. */
    static boolean fileVerb(String prose) {
        return FILE_VERB.matcher(prose).find()
                || (prose.contains("?") && FILE_QUESTION.matcher(prose).find())
                || QUESTION_START.matcher(prose).find();
    }

    private static final Pattern QUESTION_START =
            Words.pattern("^(?:what|which|who|how many|how much|is|are|does|do|when|where)\\b");

    static boolean namesUrl(String prose) {
        return URL.matcher(prose).find();
    }

    private static final Pattern PRODUCES_FILE = Words.phrases("""
            (?:create|make|generate|produce|export|save|build|give me|write|prepare|output|put|turn|convert|send me|download|get me|need|want)(?: ... )?(?:an? |the |as |to |into |in |new |formatted |nice |printable |two.page |one.page |it |them |this |that )+(?:\\w+ ){0,2}?(?:excel(?! formula| function| macro| shortcut| tip)(?: file| sheet| workbook| spreadsheet)?|xlsx|spreadsheets?|workbook|csv(?: file)?|pdf(?: file| report| document)?|word (?:file|document|doc)|docx|powerpoint(?: deck| presentation)?|pptx|slide deck|zip(?: file| archive)?|png(?: image| file)?|jpe?g|json file|text file|txt file|parquet(?: file)?|sqlite database|qr codes?|bar ?codes?|gif|thumbnails?|wav file|ics file|calendar file|yaml file|xml file|markdown file|html file|invoice pdf|image file)\\b
            (?:resize|crop|rotate|compress|flip|grayscale|greyscale|watermark|blur|upscale|downscale|thumbnail) (?:the |this |my |these |all |an? |attached |it |that |every )*(?:\\w+ )?(?:images?|photos?|pictures?|pngs?|jpe?gs?|logo|screenshots?|pdfs?|it|icon|avatar|banner|headshot|video)
            """);

    static boolean producesFile(String prose) {
        return PRODUCES_FILE.matcher(prose).find();
    }

    private static final Pattern WRITES = Words.pattern("\\b(?:write|implement|how|what is a|what are)\\b");

    private static final Pattern SOURCE_VERB = Words.phrases("""
            (?:refactor|run|execute|compile|lint|debug|start|launch|rewrite|port|migrate|optimi[sz]e|speed up|document|test|build|improve|clean up|implement|rename|type-?check|benchmark|profile)
            """);

    private static final Pattern NEW_FILE = Words.phrases("""
            (?:create|make|touch|add|write) (?:me )?(?:an? )?(?:new |empty |text |blank |simple )*(?:file|folder|directory|script) (?:called|named)
            """);

    /** The file rule: a file that is named or handed over, and something to be done with it. */
    static @Nullable Task ofFiles(String prose) {
        boolean named = namesFile(prose);
        boolean given = attached(prose);
        if ((named || given) && fileVerb(prose)) {
            return new Task(
                    "a file is to be worked on",
                    FILE_MOVE.matcher(prose).find() || NEW_FILE.matcher(prose).find() ? "bash" : "python");
        }
        if (namesSource(prose) && (fileVerb(prose) || SOURCE_VERB.matcher(prose).find())) {
            return new Task("a source file is to be run or changed", "bash");
        }
        Matcher writes = WRITES.matcher(prose);
        return producesFile(prose) && !(writes.find() && writes.start() < 10)
                ? new Task("a file is to be produced", "python")
                : null;
    }
}
