package io.athenic.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** Finds templates by name or alias. */
final class Templates {
    static final String DEFAULT = "code-interpreter";

    private static final Map<String, String> ALIASES = Map.of("base", DEFAULT, "code-interpreter-v1", DEFAULT);
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]{0,62}");

    private final Path root;

    Templates(Path root) {
        this.root = root;
    }

    /** The template's own name; empty when there is none, or it is not built. */
    Optional<String> find(String nameOrAlias) {
        String name = ALIASES.getOrDefault(nameOrAlias, nameOrAlias);
        boolean there = NAME.matcher(name).matches() && Files.isDirectory(root.resolve(name, "rootfs"));
        return there ? Optional.of(name) : Optional.empty();
    }

    /** The root folder of a template that was found. Its last parts are not resolved: roomd wants the path below its own data folder. */
    Path path(String name) {
        try {
            return root.toRealPath().resolve(name, "rootfs");
        } catch (IOException e) {
            throw new EngineException(ErrorCode.NOT_FOUND, "template '" + name + "' is not built", e);
        }
    }
}
