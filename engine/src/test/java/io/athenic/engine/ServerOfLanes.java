package io.athenic.engine;

import static io.athenic.engine.Events.result;
import static io.athenic.engine.Events.run;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A server that does what the lines of its stdin say, one after the other, and answers on stdout, the last line being "end". Arguments:
 * roomd's socket, the templates, the records, the pool's size.
 */
final class ServerOfLanes {
    private final Engine engine;
    private final List<Thread> lanes = new ArrayList<>();

    private ServerOfLanes(Engine engine) {
        this.engine = engine;
    }

    public static void main(String[] arguments) throws Exception {
        Engine engine = Engine.start(
                new EngineConfig(
                        Path.of(arguments[0]),
                        Path.of(arguments[1]),
                        Integer.parseInt(arguments[3]),
                        40,
                        Limits.DEFAULT,
                        Duration.ofSeconds(60),
                        Path.of(arguments[2]),
                        OnRestart.ADOPT),
                InstantSource.system());
        var server = new ServerOfLanes(engine);
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        while (true) {
            String line = lines.readLine();
            if (line == null) {
                engine.close();
                return;
            }
            List<String> words = List.of(line.split(" ", -1));
            server.obey(words.getFirst(), words.subList(1, words.size()));
            say("end");
        }
    }

    private void obey(String word, List<String> names) throws Exception {
        switch (word) {
            case "ready" -> say("ready " + engine.awaitReady(Duration.ofMinutes(2)));
            case "pooled" -> say("pooled " + engine.status().pooled());
            case "list" -> list();
            case "try" -> engine.list().forEach(ServerOfLanes::tryOut);
            case "clear" -> clear();
            case "prepare" ->
                names.forEach(name -> say(name + " " + Lane.valueOf(name).prepare(engine)));
            case "act" -> names.forEach(name -> act(name.split("=", -1)));
            case "recording" ->
                lanes.stream().filter(ServerOfLanes::isRecording).forEach(lane -> say(lane.getName()));
            default -> throw new IllegalArgumentException(word);
        }
    }

    private void list() {
        for (Sandbox sandbox : engine.list()) {
            String layers = String.join(",", sandbox.room().layers());
            say(String.join(" ", "sandbox", sandbox.id(), kind(sandbox), layers));
        }
        engine.snapshots().forEach(snapshot -> say("snapshot " + snapshot.id() + " - " + snapshot.sandboxId()));
    }

    private static String kind(Sandbox sandbox) {
        return sandbox.state() + (sandbox.memoryKept() ? "" : "_FILES");
    }

    private static void tryOut(Sandbox sandbox) {
        try {
            if (sandbox.state() == SandboxState.PAUSED) {
                sandbox.resume(Lane.LIFE);
            }
            String sum = result(run(sandbox.defaultContext("python"), "1+1"));
            String said = Events.run(sandbox.agent(), ProcessSpec.shell("echo hello"))
                    .stdout()
                    .strip();
            say(sandbox.id() + " " + sum + " " + said);
        } catch (Exception e) {
            say(sandbox.id() + " does not work: " + e);
        }
    }

    private void clear() {
        engine.list().forEach(sandbox -> sandbox.kill(KillCause.USER));
        engine.snapshots().forEach(snapshot -> engine.deleteSnapshot(snapshot.id()));
        engine.trees().collect(List.of(), 0);
    }

    private void act(String[] words) {
        Lane lane = Lane.valueOf(words[0]);
        lanes.add(Thread.ofPlatform().daemon().name(lane.name()).start(() -> {
            try {
                lane.act(engine, words[1]);
                say("did " + lane);
            } catch (RuntimeException e) {
                say("failed " + lane + " " + e);
            }
        }));
    }

    /** Whether it waits to open the draft of a record. */
    private static boolean isRecording(Thread lane) {
        List<StackTraceElement> stack = Arrays.asList(lane.getStackTrace());
        return stack.stream().anyMatch(call -> call.getClassName().equals(SandboxRecords.class.getName()))
                && stack.getFirst().isNativeMethod();
    }

    private static void say(String line) {
        synchronized (System.out) {
            System.out.println(line);
            System.out.flush();
        }
    }
}
