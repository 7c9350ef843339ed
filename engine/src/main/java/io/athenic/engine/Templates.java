package io.athenic.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds what sandboxes are made from, by the name or alias of a template. What is found has a name of its own: that of a template of the
 * installation, {@code NAME.TREE} for one that was built here, {@code BASE+TREE} for the sandbox of a build, whose root is a tree and
 * whose guests come from the base's zygote.
 */
final class Templates {
    static final String DEFAULT = "code-interpreter";

    private static final Map<String, String> ALIASES = Map.of("base", DEFAULT, "code-interpreter-v1", DEFAULT);
    private static final Pattern OF_TREE = Pattern.compile("([a-z0-9][a-z0-9-]{0,62})([.+])([0-9a-f]{32})");

    private final Path root;
    private volatile Optional<TemplateBook> book = Optional.empty();

    Templates(Path root) {
        this.root = root;
    }

    void open(TemplateBook built) {
        book = Optional.of(built);
    }

    /** A template that was built here. */
    Optional<Template> built(String name) {
        return book.flatMap(each -> each.find(name));
    }

    /** The template that was built here, has a tree of its own and is known by this key now. */
    Optional<Template> ofKey(String key) {
        return built(shown(key))
                .filter(template ->
                        template.tree().isPresent() && template.key().equals(key));
    }

    /** The template's own name; empty when there is none, or it is not built. */
    Optional<String> find(String nameOrAlias) {
        Optional<Template> built = built(nameOrAlias);
        if (built.isPresent()) {
            return built.map(Template::key);
        }
        String name = ALIASES.getOrDefault(nameOrAlias, nameOrAlias);
        boolean there = OF_TREE.matcher(name).matches()
                || (Template.isName(name) && Files.isDirectory(root.resolve(name, "rootfs")));
        return there ? Optional.of(name) : Optional.empty();
    }

    /** The root folder of a template that was found. Its last parts are not resolved: roomd wants the path below its own data folder. */
    Path path(String name) {
        try {
            Path real = root.toRealPath();
            Matcher ofTree = OF_TREE.matcher(name);
            return ofTree.matches() ? real.resolve(".trees", ofTree.group(3), "rootfs") : real.resolve(name, "rootfs");
        } catch (IOException e) {
            throw new EngineException(ErrorCode.NOT_FOUND, "template '" + name + "' is not built", e);
        }
    }

    /** The templates of the installation by name, with their bytes. */
    SortedMap<String, Long> installed() {
        SortedMap<String, Long> all = new TreeMap<>();
        try (DirectoryStream<Path> folders =
                Files.newDirectoryStream(root, path -> Files.isDirectory(path.resolve("rootfs")))) {
            for (Path folder : folders) {
                String name = folder.getFileName().toString();
                if (Template.isName(name)) {
                    all.put(
                            name,
                            Json.parse(Files.readAllBytes(folder.resolve("manifest.json")))
                                    .path("bytes")
                                    .asLong());
                }
            }
        } catch (IOException e) {
            throw new EngineException(ErrorCode.INTERNAL, "the folder of templates cannot be read", e);
        }
        return all;
    }

    /** Changes when a template of the installation is built anew. */
    String version(String name) {
        try {
            ObjectNode manifest = Json.parse(Files.readAllBytes(root.resolve(name, "manifest.json")));
            return Json.text(manifest, "definition") + " " + Json.text(manifest, "builtAt");
        } catch (IOException e) {
            throw new EngineException(ErrorCode.NOT_FOUND, "template '" + name + "' is not built", e);
        }
    }

    /** Whose zygote a sandbox gets its guests from. */
    static String zygote(String name) {
        Matcher ofTree = OF_TREE.matcher(name);
        return ofTree.matches() && ofTree.group(2).equals("+") ? ofTree.group(1) : name;
    }

    /** The tree that is its root while its guests come from elsewhere. */
    static Optional<String> tree(String name) {
        Matcher ofTree = OF_TREE.matcher(name);
        return ofTree.matches() && ofTree.group(2).equals("+") ? Optional.of(ofTree.group(3)) : Optional.empty();
    }

    /** Whether a template of this name of its own was built here and has a tree. */
    static boolean isOfTree(String name) {
        return OF_TREE.matcher(name).matches();
    }

    /** The name that people know it by. */
    static String shown(String name) {
        Matcher ofTree = OF_TREE.matcher(name);
        return ofTree.matches() ? ofTree.group(1) : name;
    }
}
