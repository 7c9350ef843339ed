package io.athenic.engine;

import java.util.List;
import java.util.Locale;

/** The languages that have kernels. */
public final class Languages {
    public static final String PYTHON = "python";
    public static final String JAVASCRIPT = "javascript";
    public static final String BASH = "bash";
    public static final List<String> ALL = List.of(PYTHON, JAVASCRIPT, BASH);

    private Languages() {}

    /** The language of a usual name, in any case; INVALID_ARGUMENT for one without a kernel. */
    public static String canonical(String name) {
        return switch (name.strip().toLowerCase(Locale.ROOT)) {
            case "python", "python3", "py" -> PYTHON;
            case "javascript", "js", "node", "typescript", "ts" -> JAVASCRIPT;
            case "bash", "sh", "shell" -> BASH;
            default ->
                throw new EngineException(
                        ErrorCode.INVALID_ARGUMENT,
                        "language '" + Texts.shorten(name, 50) + "' is not known: use one of "
                                + String.join(", ", ALL));
        };
    }
}
