package io.athenic.chat.intent;

import io.athenic.execution.IntentAnalyzer;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Decides by rules whether a message needs something to be run, in what language, and which code it carries. First the code is
 * taken out, then the words around it are judged; without code the words alone decide, and short ones by what was said before. No
 * I/O, no state: safe for use by many threads.
 */
public final class IntentRules implements IntentAnalyzer {

    private static final int HISTORY = 6;

    /** Judges {@code message} in the light of {@code history}, oldest first. */
    @Override
    public Intent analyze(String message, List<Turn> history) {
        if (message.isBlank()) {
            return no("the message is empty");
        }
        if (message.length() < 300
                && Talk.STEERING.matcher(Cues.normal(message)).find()
                && !message.contains("\n")) {
            return no("it tells what to decide, not what to do");
        }
        Carried carried = Carried.find(message);
        String prose = Cues.normal(carried.prose());
        List<Turn> recent = history.subList(Math.max(0, history.size() - HISTORY), history.size());
        return carried.code() != null ? withCode(carried, prose) : withoutCode(message, carried, prose, recent);
    }

    /** True when the message asks for nothing but the same code once more. */
    public boolean asksToRepeat(String message) {
        return FollowUps.repeats(Cues.normal(message));
    }

    /** The person wants it run, whatever the rules say: finds the code, if the message carries any. */
    public Intent force(String message) {
        Carried carried = Carried.find(message);
        String prose = Cues.normal(carried.prose());
        String language = language(carried.language(), prose, message, "python");
        return yes(language, carried.code(), "you asked to run it");
    }

    private Intent withCode(Carried carried, String prose) {
        if (carried.isOnlyCode()) {
            return code(carried, prose, "the message is code");
        }
        boolean run = Cues.RUN.matcher(prose).find();
        boolean output = Cues.asksForOutput(prose);
        boolean fix = Cues.asksForFix(prose);
        if (Cues.NEGATION.matcher(prose).find() && !Cues.JUST_RUN.matcher(prose).find()) {
            return no("you asked not to run it");
        }
        String head = prose.indexOf(':') < 0 ? prose : prose.substring(0, prose.indexOf(':'));
        if (Talk.TEXT_WORK.matcher(head).find() && !Cues.RUN.matcher(head).find()) {
            return no("it is about a text, and answered in words");
        }
        if (carried.asked() || output) {
            return code(carried, prose, "you asked to run this code");
        }
        boolean explain = Cues.EXPLAIN.matcher(prose).find();
        if (explain && !run && !fix) {
            return no("the code is to be explained or rewritten, not run");
        }
        if (fix) {
            return code(carried, prose, "the code is to be debugged");
        }
        if (run) {
            return code(carried, prose, "you asked to run this code");
        }
        if (Talk.TEXT_WORK.matcher(prose).find() || Talk.REPORT.matcher(prose).find()) {
            return no("the code is only talked about");
        }
        if (Talk.HOW_TO.matcher(prose).find() || (prose.strip().endsWith("?") && Tasks.find(prose) == null)) {
            return no("the question about the code is answered in words");
        }
        return code(carried, prose, "the message carries code");
    }

    private Intent withoutCode(String message, Carried carried, String prose, List<Turn> history) {
        if (prose.length() < 400
                && Talk.SMALL_TALK.matcher(prose).matches()
                && FollowUps.before(history) != FollowUps.Before.OFFERED
                && !FollowUps.continues(prose)) {
            return no("small talk");
        }
        boolean negated = Cues.NEGATION.matcher(prose).find()
                && !Cues.JUST_RUN.matcher(prose).find();
        if (negated) {
            return no("you asked not to run anything");
        }
        FollowUps.Before before = FollowUps.before(history);
        if (before == FollowUps.Before.OFFERED && FollowUps.isConsent(prose)) {
            return followUp(prose, history, "you agreed to what was offered");
        }
        if (before == FollowUps.Before.EXECUTED || before == FollowUps.Before.OFFERED) {
            if (FollowUps.continues(prose) && !Talk.OTHER_SENSE.matcher(prose).find()) {
                return followUp(prose, history, "it continues what was run before");
            }
        }
        return byWords(message, carried, prose);
    }

    private Intent followUp(String prose, List<Turn> history, String reason) {
        String named = Languages.named(prose);
        String before = named == null ? FollowUps.language(history) : named;
        return yes(before == null ? "python" : before, null, reason);
    }

    private Intent byWords(String message, Carried carried, String prose) {
        Tasks.Task files = Tasks.ofFiles(prose);
        if (Talk.TEXT_WORK.matcher(prose).find() && files == null) {
            return no("it is about a text, and answered in words");
        }
        if (files == null
                && (Talk.WORDING.matcher(prose).find()
                        || Talk.FEW_ITEMS.matcher(prose).matches())) {
            return no("it is answered at a glance, in words");
        }
        if (Talk.STEERING.matcher(prose).find() && files == null) {
            return no("it tells what to decide, not what to do");
        }
        if (Talk.FILE_TALK.matcher(prose).find()) {
            return no("the file is only mentioned");
        }
        boolean writesAndRuns = Talk.WRITE_AND_RUN.matcher(prose).find();
        if (writesAndRuns && WRITES.matcher(prose).find()) {
            return yes(language(null, prose, carried.prose(), "python"), null, "code is to be written and run");
        }
        if (Tasks.FAILING.matcher(prose).find()) {
            return yes(language(null, prose, message, "bash"), null, "the project is to be worked on");
        }
        if (Talk.WRITE_ONLY.matcher(prose).find()) {
            Tasks.Task task = Tasks.find(prose);
            boolean inProject = task != null && task.reason().startsWith("the repository");
            if (!inProject && files == null) {
                return no("code is to be written, not run");
            }
        }
        if (Talk.ABILITY.matcher(prose).find() && !Talk.CONCRETE.matcher(prose).find()) {
            return no("it asks what is possible");
        }
        if (Talk.REPORT.matcher(prose).find()) {
            return no("it tells what was done");
        }
        if (Talk.OTHER_SENSE.matcher(prose).find() && files == null) {
            return no("the words have another sense here");
        }
        if (Talk.ELLIPSIS.matcher(prose).find()) {
            return no("there is nothing before it that it could refer to");
        }
        boolean computing = Maths.needsComputing(prose);
        boolean howTo = Talk.HOW_TO.matcher(prose).find();
        if (files != null && !(howTo && !namesData(prose))) {
            return task(files, message, prose);
        }
        if (computing && !isHowTo(prose)) {
            return yes(language(null, prose, carried.prose(), "python"), null, "a value has to be computed exactly");
        }
        Tasks.Task task = howTo ? ofSentences(prose) : Tasks.find(prose);
        if (howTo && task == null) {
            return no("the question is answered in words");
        }
        if (task != null) {
            return task(task, message, prose);
        }
        if (Tasks.namesUrl(prose) && Tasks.fileVerb(prose)) {
            return yes(language(null, prose, carried.prose(), "python"), null, "an address is to be fetched");
        }
        Tasks.Task thing = Tasks.byThing(prose);
        if (thing != null && !Cues.EXPLAIN.matcher(prose).find()) {
            return task(thing, message, prose);
        }
        if (Talk.WITH_LANGUAGE.matcher(prose).find() && Languages.named(prose) != null) {
            return yes(language(null, prose, carried.prose(), "python"), null, "it is to be done with a language");
        }
        if (Talk.LIVE_FACT.matcher(prose).find()) {
            return no("it asks for a fact to be looked up");
        }
        if (carried.data()
                && Tasks.dataVerb(prose)
                && !Cues.EXPLAIN.matcher(prose).find()) {
            return yes(language(null, prose, carried.prose(), "python"), null, "pasted data is to be worked on");
        }
        return no("nothing in it has to be run");
    }

    private static final Pattern SENTENCE_END = Words.pattern("[.!?;\\n]+(?:\\s|$)");
    private static final Pattern WRITES = Words.pattern(
            "^(?:please |can you |could you |would you |i need you to |i want you to |now )*(?:write|implement|code|create|make|build|generate|give me|define|develop|program|produce)\\b");

    /** "Mixed messages": one sentence that is no question of how suffices. */
    private static Tasks.@Nullable Task ofSentences(String prose) {
        for (String sentence : SENTENCE_END.splitAsStream(prose).toList()) {
            if (!Talk.HOW_TO.matcher(sentence).find()) {
                Tasks.Task task = Tasks.find(sentence);
                if (task != null) {
                    return task;
                }
            }
        }
        return null;
    }

    private static boolean namesData(String prose) {
        return Tasks.namesFile(prose) || Tasks.attached(prose);
    }

    private static boolean isHowTo(String prose) {
        return prose.startsWith("how do ")
                || prose.startsWith("how to ")
                || prose.startsWith("how can ")
                || prose.startsWith("explain")
                || prose.startsWith("how would ")
                || prose.startsWith("how does ");
    }

    private Intent task(Tasks.Task task, String message, String prose) {
        return yes(language(null, prose, message, task.language()), null, task.reason());
    }

    private Intent code(Carried carried, String prose, String reason) {
        return yes(language(carried.language(), prose, carried.prose(), "python"), carried.code(), reason);
    }

    /** The language that is named for the run, that of the code, that of a named source file, else the usual one. */
    private static String language(@Nullable String ofCode, String prose, String text, String usual) {
        if (ofCode != null) {
            String named = Languages.named(prose);
            return named != null && ofCode.equals("python") && !named.equals("bash") ? named : ofCode;
        }
        String named = Languages.named(prose);
        if (named != null) {
            return named;
        }
        return Objects.requireNonNullElse(Languages.ofFileIn(text), usual);
    }

    private static Intent no(String reason) {
        return new Intent(false, null, null, reason);
    }

    private static Intent yes(String language, @Nullable String code, String reason) {
        return new Intent(true, language, code, reason);
    }
}
