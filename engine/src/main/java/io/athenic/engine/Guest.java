package io.athenic.engine;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A process of ours in a room, the agent or a kernel, that serves a socket. */
final class Guest {
    private final String name;
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile @Nullable GuestExit exit;
    private volatile @Nullable Path socket;

    Guest(String name) {
        this.name = name;
    }

    String name() {
        return name;
    }

    boolean alive() {
        return ended.getCount() > 0;
    }

    void listensOn(Path path) {
        socket = path;
    }

    Path socket() {
        Path path = socket;
        if (path == null) {
            throw new IllegalStateException("guest " + name + " has no socket yet");
        }
        return path;
    }

    void exited(GuestExit how) {
        exit = how;
        ended.countDown();
    }

    /** Whether the news of its end come within the time; false also when the caller is interrupted. */
    boolean endsWithin(Duration maxWait) {
        try {
            return awaitExit(maxWait).isPresent();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** How it ended, waiting for the news; empty when it is alive after {@code maxWait}. */
    Optional<GuestExit> awaitExit(Duration maxWait) throws InterruptedException {
        return ended.await(maxWait.toNanos(), TimeUnit.NANOSECONDS) ? Optional.ofNullable(exit) : Optional.empty();
    }
}
