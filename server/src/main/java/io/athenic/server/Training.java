package io.athenic.server;

import io.athenic.e2b.E2bClient;
import io.athenic.e2b.Sandbox;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * Does what clients do most, over the server's own ports, so that the JVM sees which code that takes. What it has seen then stands in its
 * AOT cache (JEP 483, JEP 515), from which later servers start: {@code bin/start.sh} keeps it.
 */
final class Training {
    private static final int SANDBOXES = 60;
    private static final int CELLS = 15;
    private static final int MESSAGES = 5;
    private static final Duration LIFE = Duration.ofMinutes(2);

    private Training() {}

    static void run(URI app, E2bClient client) throws IOException, InterruptedException {
        for (int i = 0; i < SANDBOXES; i++) {
            use(client);
        }
        var nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        try (var terminal = new Terminal(app, nowhere, nowhere)) {
            for (int i = 0; i < MESSAGES; i++) {
                check(terminal.ask("```python\nprint('a line')\n1 + 1\n```") == 0, "a message");
                check(terminal.exec("print('a line')", "python") == 0, "a program");
            }
        }
    }

    private static void use(E2bClient client) {
        try (Sandbox sandbox = client.create()) {
            sandbox.setTimeout(LIFE);
            for (int cell = 0; cell < CELLS; cell++) {
                check(sandbox.code().runCode("print('a line')\n1 + 1").error().isEmpty(), "a cell");
            }
            check(
                    sandbox.code()
                            .runCode("for n in range(2000): print(n, flush=n % 20 == 0)")
                            .error()
                            .isEmpty(),
                    "much output");
            sandbox.files().write("note.txt", "text");
            check(sandbox.files().read("note.txt").equals("text"), "a file");
            check(sandbox.commands().run("echo a line").stdout().equals("a line\n"), "a command");
            boolean _ = sandbox.pause();
            sandbox.resume(LIFE);
        }
    }

    private static void check(boolean held, String what) {
        if (!held) {
            throw new StartException("the training of the server failed at " + what);
        }
    }
}
