package io.athenic.server.template;

import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ./athenic template}. The launcher gives the server's address and key in E2B's variables. */
@Command(
        name = "template",
        description = "Build, list and delete templates.",
        subcommands = {TemplateCommand.Build.class, TemplateCommand.Show.class, TemplateCommand.Delete.class})
public final class TemplateCommand implements Callable<Integer> {
    private static final int USAGE = 64;
    private static final long MAX_BYTES = 1 << 20;

    @Override
    public Integer call() {
        System.err.println("athenic template: build FILE, list, or delete NAME");
        return USAGE;
    }

    private interface Work {
        int run(TemplateClient client) throws IOException, InterruptedException;
    }

    private static int with(Work work) throws IOException, InterruptedException {
        var out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        var url = variable("E2B_API_URL");
        try (var client = new TemplateClient(URI.create(url), variable("E2B_API_KEY"), out)) {
            return work.run(client);
        } finally {
            out.flush();
        }
    }

    private static String variable(String name) {
        return Optional.ofNullable(System.getenv(name))
                .orElseThrow(() -> new IllegalArgumentException(name + " is not set: use ./athenic template"));
    }

    @Command(name = "build", description = "Build the template that a definition (TOML, docs/TEMPLATES.md) describes.")
    static final class Build implements Callable<Integer> {
        @Parameters(paramLabel = "FILE")
        @Nullable
        Path file;

        @Option(names = "--name", description = "instead of the definition's own name")
        @Nullable
        String name;

        @Option(names = "--force", description = "run every step again")
        boolean force;

        @Override
        public Integer call() throws IOException, InterruptedException {
            var path = java.util.Objects.requireNonNull(file).toAbsolutePath();
            if (!Files.isRegularFile(path)) {
                throw new DefinitionException("there is no file " + path);
            }
            if (Files.size(path) > MAX_BYTES) {
                throw new DefinitionException("a definition has at most 1 MiB: " + path);
            }
            Definition definition;
            Plan plan;
            try {
                definition = Definition.parse(Files.readString(path));
                plan = Plan.of(definition);
            } catch (DefinitionException e) {
                throw new DefinitionException(file + ": " + e.getMessage());
            }
            var folder = java.util.Objects.requireNonNull(path.getParent());
            var wanted = name == null ? definition.name() : name;
            if (wanted == null) {
                throw new DefinitionException(file + ": the template has no name: write name = \"…\" or give --name");
            }
            return with(client -> client.build(wanted, plan, folder, force) ? 0 : 1);
        }
    }

    @Command(name = "list", description = "List all templates and what they take on the disk.")
    static final class Show implements Callable<Integer> {
        @Override
        public Integer call() throws IOException, InterruptedException {
            return with(client -> {
                client.list();
                return 0;
            });
        }
    }

    @Command(name = "delete", description = "Delete a template; sandboxes that were made from it go on.")
    static final class Delete implements Callable<Integer> {
        @Parameters(paramLabel = "NAME")
        String name = "";

        @Override
        public Integer call() throws IOException, InterruptedException {
            return with(client -> {
                client.delete(name);
                return 0;
            });
        }
    }
}
