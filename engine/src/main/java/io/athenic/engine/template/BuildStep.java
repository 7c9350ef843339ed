package io.athenic.engine.template;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** One step of a build. Those that run something leave a tree; the others hold for the steps after them and for the template. */
public sealed interface BuildStep {
    /** For the log. */
    String text();

    /** A shell command, run as {@code user}, else as the one of the step before. */
    record Run(String command, Optional<String> user) implements BuildStep {
        @Override
        public String text() {
            return "RUN " + command;
        }
    }

    /**
     * Files of an archive that was sent before.
     *
     * @param source path or pattern in the archive
     * @param target a folder when it ends with a slash, is one, or gets several files
     * @param mode of files, octal
     * @param files what the archive is known by
     */
    record Copy(String source, String target, Optional<String> user, Optional<String> mode, String files)
            implements BuildStep {
        @Override
        public String text() {
            return "COPY " + source + " " + target;
        }
    }

    record Env(Map<String, String> variables) implements BuildStep {
        public Env {
            variables = Map.copyOf(variables);
        }

        @Override
        public String text() {
            return "ENV " + String.join(" ", new TreeMap<>(variables).keySet());
        }
    }

    record Workdir(String path) implements BuildStep {
        @Override
        public String text() {
            return "WORKDIR " + path;
        }
    }

    record User(String name) implements BuildStep {
        @Override
        public String text() {
            return "USER " + name;
        }
    }
}
