package io.athenic.engine;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;

/**
 * A server to be killed by a test, with a sandbox that has variables, contexts, a paused neighbour and a cell that never ends. Arguments:
 * roomd's socket, the templates, the records, a file to make at the end, which then has the sandboxes' ids and the token.
 */
final class ServerToKill {
    private ServerToKill() {}

    public static void main(String[] arguments) throws Exception {
        EngineConfig config = new EngineConfig(
                Path.of(arguments[0]),
                Path.of(arguments[1]),
                1,
                10,
                Limits.DEFAULT,
                Duration.ofSeconds(60),
                Path.of(arguments[2]),
                OnRestart.ADOPT);
        Engine engine = Engine.start(config, InstantSource.system());
        Sandbox sandbox = engine.create(new SandboxSpec(
                "base", Duration.ofHours(1), Map.of("who", "me"), Map.of("COLOUR", "blue"), true, false, null));
        Events.run(sandbox.defaultContext("python"), "kept = 41");
        Events.run(sandbox.createContext("python", "/tmp"), "other = 'here'");
        Events.run(sandbox.defaultContext("bash"), "shell=kept");
        sandbox.agent().start(ProcessSpec.shell("sleep 1000 & sleep 1000")).close();
        Sandbox paused = engine.create(SandboxSpec.of("base", Duration.ofHours(1)));
        Events.run(paused.defaultContext("python"), "frozen = 1");
        paused.pause();
        Sandbox busy = engine.create(SandboxSpec.of("base", Duration.ofHours(1)));
        CodeStream code = busy.defaultContext("python").execute("while True: print(1)", Map.of());
        Events.next(code);
        Path file = Path.of(arguments[3]);
        Path draft = file.resolveSibling("draft");
        Files.writeString(
                draft,
                String.join(
                        " ",
                        sandbox.id(),
                        paused.id(),
                        busy.id(),
                        sandbox.accessToken().orElseThrow(),
                        sandbox.defaultContext("python").id()));
        Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
        Thread.sleep(Duration.ofHours(1));
    }
}
