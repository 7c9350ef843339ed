package io.athenic.server;

import io.athenic.server.template.TemplateCommand;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The jar's command line. People use {@code ./athenic}, which makes everything that is needed first and calls this. */
@Command(
        name = "athenic",
        subcommands = {Main.Serve.class, Main.Train.class, Main.Ask.class, Main.Exec.class, TemplateCommand.class},
        description = "The Athenic server. Start it with ./athenic run.")
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        System.setProperty("java.util.logging.SimpleFormatter.format", "%1$tF %1$tT %4$s %3$s: %5$s%6$s%n");
        System.setProperty("vertx.disableFileCPResolving", "true");
        var line = new CommandLine(new Main());
        line.setExecutionExceptionHandler((failure, command, result) -> {
            if (failure instanceof StartException
                    || failure instanceof IllegalArgumentException
                    || failure instanceof IOException) {
                System.err.println("athenic: " + failure.getMessage());
                return 1;
            }
            throw failure;
        });
        System.exit(line.execute(arguments));
    }

    /** What every command needs to start the application in this process. */
    static final class Place {
        @Option(names = "--data", paramLabel = "DIR", description = "the server's own folder")
        @Nullable
        Path data;

        @Option(names = "--templates", paramLabel = "DIR", description = "folder of the built templates")
        @Nullable
        Path templates;

        @Option(names = "--roomd", paramLabel = "SOCKET", description = "roomd's socket")
        @Nullable
        Path roomd;

        ServerConfig load(Map<String, String> flags) {
            if (data == null || templates == null || roomd == null) {
                throw new IllegalArgumentException(
                        "--data, --templates and --roomd are needed: use ./athenic, which gives them");
            }
            return new ConfigLoader(System.getenv()).load(data, templates, roomd, flags);
        }
    }

    @Command(name = "serve", description = "Serve until told to stop.")
    static final class Serve implements Callable<Integer> {
        @Mixin
        Place place = new Place();

        @Option(names = "--port", description = "port of the app (4000); 0: any free one")
        @Nullable
        String port;

        @Option(names = "--e2b-port", description = "port of the E2B API (4002); 0: any free one")
        @Nullable
        String e2bPort;

        @Override
        public Integer call() throws Exception {
            var flags = new HashMap<String, String>();
            if (port != null) {
                flags.put("port", port);
            }
            if (e2bPort != null) {
                flags.put("e2b.port", e2bPort);
            }
            ServerConfig config = place.load(flags);
            config.printable().forEach((key, value) -> System.err.printf("  %-20s %s%n", key, value));
            var stop = new CountDownLatch(1);
            var stopped = new CountDownLatch(1);
            App app = App.start(config, stop::countDown);
            try {
                // A signal starts the hook, which waits until this thread has closed everything.
                Runtime.getRuntime()
                        .addShutdownHook(Thread.ofPlatform().name("shutdown").unstarted(() -> {
                            stop.countDown();
                            awaitQuietly(stopped);
                        }));
                app.writeServerFile();
                app.notes().forEach(note -> System.out.println("Weaker on this machine: " + note));
                System.out.println("Athenic is ready: " + app.url());
                System.out.flush();
                stop.await();
            } finally {
                app.close();
                stopped.countDown();
            }
            return app.failed() ? 1 : 0;
        }

        private static void awaitQuietly(CountDownLatch latch) {
            try {
                var _ = latch.await(20, java.util.concurrent.TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Command(name = "train", description = "Serve oneself for a few seconds: for what the JVM learns from it.")
    static final class Train implements Callable<Integer> {
        @Mixin
        Place place = new Place();

        @Override
        public Integer call() throws Exception {
            java.util.logging.Logger.getLogger("").setLevel(java.util.logging.Level.WARNING);
            try (var app = App.start(place.load(Map.of("port", "0", "e2b.port", "0")), () -> {});
                    var client = app.client()) {
                Training.run(URI.create(app.url()), client);
            }
            return 0;
        }
    }

    /** A command that talks to a server: a running one by its address, else one of its own in this process. */
    abstract static class ClientCommand implements Callable<Integer> {
        @Mixin
        Place place = new Place();

        @Option(
                names = "--url",
                description = "address of a running server; without it one is started for this command")
        @Nullable
        URI url;

        abstract int run(Terminal terminal) throws IOException, InterruptedException;

        @Override
        public final Integer call() throws Exception {
            if (url != null) {
                return run(url);
            }
            // The terminal belongs to the program's output: only what went wrong is said besides.
            java.util.logging.Logger.getLogger("").setLevel(java.util.logging.Level.WARNING);
            // One command needs one sandbox at a time; a second one waiting in a pool would only cost.
            try (var app = App.start(place.load(Map.of("port", "0", "e2b.port", "0", "pool.size", "1")), () -> {})) {
                return run(URI.create(app.url()));
            }
        }

        private int run(URI server) throws IOException, InterruptedException {
            var out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
            var err = new PrintStream(System.err, false, StandardCharsets.UTF_8);
            try (var terminal = new Terminal(server, out, err)) {
                return run(terminal);
            } finally {
                out.flush();
                err.flush();
            }
        }
    }

    @Command(name = "ask", description = "Send one chat message and print what happens.")
    static final class Ask extends ClientCommand {
        @Parameters(arity = "1..*", paramLabel = "MESSAGE")
        String[] words = {};

        @Override
        int run(Terminal terminal) throws IOException, InterruptedException {
            return terminal.ask(String.join(" ", words));
        }
    }

    @Command(name = "exec", description = "Run the program on standard input in a fresh sandbox.")
    static final class Exec extends ClientCommand {
        @Option(
                names = "--language",
                description = "python, javascript or bash; default: by the file's ending, else python")
        @Nullable
        String language;

        @Option(names = "--name", description = "the file's name, for its ending")
        String name = "-";

        @Override
        int run(Terminal terminal) throws IOException, InterruptedException {
            String code = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
            if (code.isBlank()) {
                throw new IllegalArgumentException("exec: the program is empty");
            }
            return terminal.exec(code, language == null ? languageOf(name) : language);
        }

        private static String languageOf(String name) {
            return switch (name.substring(name.lastIndexOf('.') + 1)) {
                case "js", "mjs" -> "javascript";
                case "sh", "bash" -> "bash";
                default -> "python";
            };
        }
    }
}
