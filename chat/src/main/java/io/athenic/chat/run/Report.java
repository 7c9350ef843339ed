package io.athenic.chat.run;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** An execution's outcome in words: one line for the chat, more for the model and for an answer without a model. */
final class Report {

    private static final int MODEL_OUTPUT = 8_000;
    private static final int MODEL_ERROR = 4_000;
    private static final int CHAT_OUTPUT = 2_000;
    private static final int CHAT_LINES = 30;
    private static final List<String> PICTURES = List.of("png", "jpeg", "svg", "pdf");

    private Report() {}

    /** One line: how it ended and how long it took. */
    static String summary(CodeOutcome outcome) {
        String time = seconds(outcome.duration());
        CodeOutcome.Failure failure = outcome.failure();
        return switch (outcome.status()) {
            case "cancelled" -> "Stopped after " + time;
            case "timeout" -> "Stopped at the time limit, after " + time;
            default ->
                failure == null
                        ? "Ran in " + time
                        : "Failed after " + time + ": " + head(failure.line().replaceAll("\\s+", " "), 300);
        };
    }

    /** The answer where no model writes one. */
    static String answer(CodeOutcome outcome) {
        StringBuilder text = new StringBuilder(summary(outcome));
        text.append(outcome.status().equals("completed") && outcome.failure() == null ? ", no error." : ".");
        String printed = outcome.stdout().stripTrailing();
        if (!printed.isEmpty()) {
            text.append("\n\n").append(fence(lastLines(printed)));
        }
        String errors = outcome.stderr().stripTrailing();
        if (!errors.isEmpty()) {
            text.append("\n\nOn standard error:\n\n").append(fence(lastLines(errors)));
        }
        for (Map<String, String> result : outcome.results()) {
            String plain = result.getOrDefault("text", "").strip();
            if (!plain.isEmpty() && !isPicture(result)) {
                text.append("\n\nResult:\n\n").append(fence(head(plain, CHAT_OUTPUT)));
            }
        }
        long pictures = outcome.results().stream().filter(Report::isPicture).count();
        if (pictures > 0) {
            text.append("\n\n")
                    .append(pictures == 1 ? "1 picture" : pictures + " pictures")
                    .append(" beside the chat.");
        }
        if (outcome.succeeded()
                && printed.isEmpty()
                && errors.isEmpty()
                && outcome.results().isEmpty()) {
            text.append(" It printed nothing.");
        }
        return text.toString();
    }

    /** What the model is told. */
    static String forModel(CodeOutcome outcome) {
        StringBuilder text = new StringBuilder("status: ").append(summary(outcome));
        section(text, "stdout", middleCut(outcome.stdout(), MODEL_OUTPUT));
        section(text, "stderr", tail(outcome.stderr(), MODEL_ERROR));
        int number = 0;
        for (Map<String, String> result : outcome.results()) {
            number++;
            section(text, "result " + number, middleCut(result.getOrDefault("text", ""), MODEL_ERROR));
            for (String format : PICTURES) {
                if (result.containsKey(format)) {
                    text.append("\n[result ").append(number).append(" is a ").append(format);
                    text.append(" picture; the person sees it, you do not]");
                    break;
                }
            }
        }
        CodeOutcome.Failure failure = outcome.failure();
        if (failure != null) {
            section(
                    text,
                    "error",
                    tail(failure.traceback().isBlank() ? failure.line() : failure.traceback(), MODEL_ERROR));
        }
        return text.toString();
    }

    private static void section(StringBuilder text, String name, String body) {
        if (!body.isBlank()) {
            text.append("\n\n").append(name).append(":\n").append(body.stripTrailing());
        }
    }

    private static boolean isPicture(Map<String, String> result) {
        return PICTURES.stream().anyMatch(result::containsKey);
    }

    /** A fence that is longer than any run of back-ticks inside. */
    private static String fence(String body) {
        String marks = "```";
        while (body.contains(marks)) {
            marks += "`";
        }
        return marks + "text\n" + body + "\n" + marks;
    }

    private static String lastLines(String text) {
        String bounded = tail(text, CHAT_OUTPUT);
        String[] lines = bounded.split("\n", -1);
        if (lines.length > CHAT_LINES) {
            bounded = "…\n" + String.join("\n", List.of(lines).subList(lines.length - CHAT_LINES, lines.length));
        }
        return bounded;
    }

    private static String head(String text, int limit) {
        return text.length() <= limit ? text : text.substring(0, limit) + "…";
    }

    private static String tail(String text, int limit) {
        return text.length() <= limit ? text : "…" + text.substring(text.length() - limit);
    }

    private static String middleCut(String text, int limit) {
        if (text.length() <= limit) {
            return text;
        }
        int half = limit / 2;
        int cut = text.length() - 2 * half;
        return text.substring(0, half) + "\n[… " + cut + " characters left out …]\n"
                + text.substring(text.length() - half);
    }

    static String seconds(Duration duration) {
        double seconds = duration.toMillis() / 1000.0;
        return String.format(Locale.ROOT, seconds < 10 ? "%.2f s" : "%.1f s", seconds);
    }
}
