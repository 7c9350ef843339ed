package io.athenic.engine.egress;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Resolves names on threads of its own: the system's resolver blocks the thread that it runs on, and a virtual one takes its carrier
 * along, so that a few names with slow servers would stop everything else.
 */
final class Names implements AutoCloseable {
    private static final int THREADS = 32;
    private static final int WAITING = 1000;

    private final Resolver resolver;
    private final Duration within;
    private final ThreadPoolExecutor threads;

    Names(Resolver resolver, Duration within) {
        this.resolver = resolver;
        this.within = within;
        this.threads = new ThreadPoolExecutor(
                THREADS,
                THREADS,
                10,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(WAITING),
                Thread.ofPlatform().daemon().name("egress-names-", 1).factory());
        threads.allowCoreThreadTimeOut(true);
    }

    List<InetAddress> resolve(String host) throws Refusal {
        Future<List<InetAddress>> answer;
        try {
            answer = threads.submit(() -> resolver.resolve(host));
        } catch (RejectedExecutionException _) {
            throw Refusal.failed(503, "too many names are being resolved: try again");
        }
        try {
            return answer.get(within.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownHostException) {
                throw Refusal.failed(502, "the name " + host + " cannot be resolved");
            }
            throw new IllegalStateException("the resolver failed", e.getCause());
        } catch (TimeoutException _) {
            throw Refusal.failed(504, "the name " + host + " was not resolved within " + within.toSeconds() + " s");
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw Refusal.failed(503, "the server stops");
        } finally {
            answer.cancel(true);
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
