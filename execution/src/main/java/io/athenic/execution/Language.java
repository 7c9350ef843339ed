package io.athenic.execution;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The languages that code can be in, by all the names that clients use for them. */
public final class Language {
    /** What runs when a request does not say. */
    public static final String DEFAULT = "python";

    private static final List<String> LANGUAGES = List.of("python", "javascript", "bash");

    private static final Map<String, String> ALIASES = Map.ofEntries(
            Map.entry("python", "python"),
            Map.entry("python3", "python"),
            Map.entry("py", "python"),
            Map.entry("javascript", "javascript"),
            Map.entry("js", "javascript"),
            Map.entry("node", "javascript"),
            Map.entry("nodejs", "javascript"),
            Map.entry("bash", "bash"),
            Map.entry("sh", "bash"),
            Map.entry("shell", "bash"),
            // Old clients put the name of a template here: their code is Python.
            Map.entry("code-interpreter-v1", "python"),
            Map.entry("code-interpreter", "python"),
            Map.entry("base", "python"));

    private Language() {}

    /**
     * The language's own name.
     *
     * @throws ApiException the name is none that is known
     */
    public static String of(String name) {
        String language = ALIASES.get(name.strip().toLowerCase(Locale.ROOT));
        if (language == null) {
            throw ApiException.invalid("language '" + abbreviated(name) + "' is not known. Use one of: "
                    + String.join(", ", LANGUAGES) + ", or leave it out for " + DEFAULT + ".");
        }
        return language;
    }

    private static String abbreviated(String name) {
        return name.length() <= 40 ? name : name.substring(0, 40) + "…";
    }
}
