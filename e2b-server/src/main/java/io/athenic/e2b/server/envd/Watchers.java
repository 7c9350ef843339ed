package io.athenic.e2b.server.envd;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.athenic.e2b.protocol.FilesystemApi.FilesystemEvent;
import io.athenic.engine.EngineException;
import io.athenic.engine.ErrorCode;
import io.athenic.engine.Sandbox;
import io.athenic.engine.WatchStream;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Watches whose events wait to be fetched (the Python SDKs poll). Each keeps its last {@link #MAX_EVENTS} events; they
 * end with their sandbox.
 */
final class Watchers implements AutoCloseable {
    private static final int MAX_EVENTS = 10_000;
    private static final int MAX_PER_SANDBOX = 64;

    private final ConcurrentHashMap<String, Watcher> watchers = new ConcurrentHashMap<>();
    private final SecureRandom random = new SecureRandom();

    String create(Sandbox sandbox, WatchStream stream) {
        var mine = watchers.values().stream()
                .filter(watcher -> watcher.sandboxId.equals(sandbox.id()))
                .count();
        if (mine >= MAX_PER_SANDBOX) {
            stream.close();
            throw new EngineException(
                    ErrorCode.RESOURCE_EXHAUSTED, "the sandbox has " + MAX_PER_SANDBOX + " watchers: remove one first");
        }
        var bytes = new byte[16];
        random.nextBytes(bytes);
        var id = HexFormat.of().formatHex(bytes);
        var watcher = new Watcher(sandbox.id(), stream);
        watchers.put(id, watcher);
        Thread.ofVirtual().name("watcher-" + sandbox.id()).start(() -> {
            watcher.collect();
            watchers.remove(id);
        });
        return id;
    }

    List<FilesystemEvent> take(Sandbox sandbox, String id) {
        return find(sandbox, id).take();
    }

    void remove(Sandbox sandbox, String id) {
        find(sandbox, id).stream.close();
        watchers.remove(id);
    }

    private Watcher find(Sandbox sandbox, String id) {
        var watcher = watchers.get(id);
        if (watcher == null || !watcher.sandboxId.equals(sandbox.id())) {
            throw new EngineException(ErrorCode.NOT_FOUND, "no such watcher");
        }
        return watcher;
    }

    @Override
    public void close() {
        watchers.values().forEach(watcher -> watcher.stream.close());
        watchers.clear();
    }

    private static final class Watcher {
        private static final Duration LONG = Duration.ofHours(1);

        private final String sandboxId;
        private final WatchStream stream;
        private final ReentrantLock lock = new ReentrantLock();

        @GuardedBy("lock")
        private final ArrayDeque<FilesystemEvent> events = new ArrayDeque<>();

        Watcher(String sandboxId, WatchStream stream) {
            this.sandboxId = sandboxId;
            this.stream = stream;
        }

        /** Until the stream is closed or the sandbox is gone. */
        void collect() {
            try (stream) {
                while (true) {
                    var event = stream.next(LONG);
                    if (event != null) {
                        add(Entries.event(event));
                    }
                }
            } catch (EngineException e) {
                // The one way in which it ends.
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private void add(FilesystemEvent event) {
            lock.lock();
            try {
                if (events.size() == MAX_EVENTS) {
                    events.remove();
                }
                events.add(event);
            } finally {
                lock.unlock();
            }
        }

        List<FilesystemEvent> take() {
            lock.lock();
            try {
                var taken = new ArrayList<>(events);
                events.clear();
                return taken;
            } finally {
                lock.unlock();
            }
        }
    }
}
