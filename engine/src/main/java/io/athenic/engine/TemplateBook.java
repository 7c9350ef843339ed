package io.athenic.engine;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The templates that were built here: one JSON file each, {@code NAME.json}, replaced as a whole. */
public final class TemplateBook {
    /** A file each, all in memory. */
    private static final int MAX_TEMPLATES = 1000;

    private static final String ENDING = ".json";
    private static final Logger LOG = LoggerFactory.getLogger(TemplateBook.class);

    private final Path folder;
    private final Map<String, Template> templates = new ConcurrentHashMap<>();

    private TemplateBook(Path folder) {
        this.folder = folder;
    }

    /** Reads the folder, which is made when it is not there. A file that cannot be read is passed over with a warning. */
    static TemplateBook open(Path folder) {
        TemplateBook book = new TemplateBook(folder);
        try {
            Files.createDirectories(folder);
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*" + ENDING)) {
                for (Path file : files) {
                    book.read(file);
                }
            }
        } catch (IOException e) {
            throw new EngineException(ErrorCode.INTERNAL, "the records of the templates cannot be read", e);
        }
        return book;
    }

    private void read(Path file) {
        try {
            Template template = Template.of(Json.parse(Files.readAllBytes(file)));
            if (!file.getFileName().toString().equals(template.name() + ENDING)) {
                throw new IOException("it is the record of " + template.name());
            }
            templates.put(template.name(), template);
        } catch (IOException e) {
            LOG.warn("Template record {} is passed over: {}", file.getFileName(), e.getMessage());
        }
    }

    public Optional<Template> find(String name) {
        return Optional.ofNullable(templates.get(name));
    }

    /** By name. */
    public List<Template> list() {
        return templates.values().stream()
                .sorted(Comparator.comparing(Template::name))
                .toList();
    }

    /** Adds a template or replaces the one of its name. */
    public synchronized void put(Template template) {
        if (templates.size() >= MAX_TEMPLATES && !templates.containsKey(template.name())) {
            throw new EngineException(
                    ErrorCode.RESOURCE_EXHAUSTED, "there are " + MAX_TEMPLATES + " templates: delete one");
        }
        Path fresh = folder.resolve(template.name() + ".new");
        try {
            Files.write(fresh, Json.bytes(template.toJson()));
            try (FileChannel channel = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
                channel.force(true);
            }
            Files.move(fresh, folder.resolve(template.name() + ENDING), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new EngineException(ErrorCode.INTERNAL, "the template's record cannot be written", e);
        }
        templates.put(template.name(), template);
    }

    /** The template that was removed; empty when there was none. */
    public synchronized Optional<Template> remove(String name) {
        if (!templates.containsKey(name)) {
            return Optional.empty();
        }
        try {
            Files.deleteIfExists(folder.resolve(name + ENDING));
        } catch (IOException e) {
            throw new EngineException(ErrorCode.INTERNAL, "the template's record cannot be removed", e);
        }
        return Optional.ofNullable(templates.remove(name));
    }
}
