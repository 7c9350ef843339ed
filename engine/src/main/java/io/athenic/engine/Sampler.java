package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Samples the use of every running sandbox each five seconds, with one request to roomd for 200 of them. */
final class Sampler implements AutoCloseable {
    private static final Duration EVERY = Duration.ofSeconds(5);
    private static final Duration ANSWER = Duration.ofSeconds(10);
    private static final int AT_ONCE = 200;
    private static final Logger LOG = LoggerFactory.getLogger(Sampler.class);

    private final RoomdClient roomd;
    private final InstantSource clock;
    private final Supplier<List<Sandbox>> sandboxes;
    private final Thread thread = Thread.ofVirtual().name("sampler").unstarted(this::run);

    Sampler(RoomdClient roomd, InstantSource clock, Supplier<List<Sandbox>> sandboxes) {
        this.roomd = roomd;
        this.clock = clock;
        this.sandboxes = sandboxes;
    }

    void start() {
        thread.start();
    }

    private void run() {
        try {
            while (true) {
                Thread.sleep(EVERY);
                try {
                    sampleAll();
                } catch (EngineException e) {
                    LOG.debug("No samples this time: {}", e.getMessage());
                }
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt(); // closed
        }
    }

    /** A paused sandbox has no new samples: it uses nothing. */
    private void sampleAll() {
        List<Sandbox> running = sandboxes.get().stream()
                .filter(sandbox -> sandbox.state() == SandboxState.RUNNING)
                .toList();
        for (int from = 0; from < running.size(); from += AT_ONCE) {
            sample(running.subList(from, Math.min(running.size(), from + AT_ONCE)));
        }
    }

    private void sample(List<Sandbox> some) {
        ObjectNode request = Json.object();
        var names = request.putArray("sandboxes");
        some.forEach(sandbox -> names.add(sandbox.id()));
        JsonNode rooms = roomd.call("rooms.stat", request, ANSWER).path("rooms");
        for (int i = 0; i < some.size(); i++) {
            JsonNode room = rooms.path(i);
            if (room.size() == 4) {
                some.get(i)
                        .history()
                        .add(
                                clock.instant(),
                                System.nanoTime(),
                                room.path(1).asLong(),
                                room.path(0).asLong(),
                                room.path(2).asLong(),
                                room.path(3).asLong());
            }
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
