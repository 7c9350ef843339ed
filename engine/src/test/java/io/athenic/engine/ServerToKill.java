package io.athenic.engine;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;

/** A server with a sandbox in which endless code runs, to be killed by a test. Arguments: roomd's socket, the templates, a file to make. */
final class ServerToKill {
    private ServerToKill() {}

    public static void main(String[] arguments) throws Exception {
        EngineConfig config = new EngineConfig(
                Path.of(arguments[0]), Path.of(arguments[1]), 1, 10, Limits.DEFAULT, Duration.ofSeconds(60));
        Engine engine = Engine.start(config, InstantSource.system());
        Sandbox sandbox = engine.create(SandboxSpec.of("base", Duration.ofHours(1)));
        CodeStream code = sandbox.defaultContext("python").execute("while True: print(1)", Map.of());
        Events.next(code);
        sandbox.agent().start(ProcessSpec.shell("sleep 1000 & sleep 1000")).close();
        Files.createFile(Path.of(arguments[2]));
        Thread.sleep(Duration.ofHours(1));
    }
}
