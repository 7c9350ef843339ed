package io.athenic.chat;

import io.athenic.execution.ApiException;
import io.athenic.execution.ErrorCode;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Wakes those who follow a thread when the store has new events for them. Bounded, never blocks the one who publishes. */
public final class EventHub {

    private static final int FOLLOWERS = 512;

    private final Semaphore free = new Semaphore(FOLLOWERS);
    private final Map<String, Set<Follower>> followers = new ConcurrentHashMap<>();

    /** One who follows a thread. */
    public final class Follower implements AutoCloseable {
        private final String threadId;
        private final Semaphore news = new Semaphore(0);
        private volatile boolean closed;

        private Follower(String threadId) {
            this.threadId = threadId;
        }

        /** Waits until there may be something new, the follower is closed, or {@code max} is over. */
        public void await(Duration max) throws InterruptedException {
            if (!closed && news.tryAcquire(max.toNanos(), TimeUnit.NANOSECONDS)) {
                news.drainPermits();
            }
        }

        /** True after {@link #close}. */
        public boolean isClosed() {
            return closed;
        }

        /** Wakes the one who waits and forgets it; again: no effect. */
        @Override
        public void close() {
            synchronized (this) {
                if (closed) {
                    return;
                }
                closed = true;
            }
            followers.computeIfPresent(threadId, (_, set) -> {
                set.remove(this);
                return set.isEmpty() ? null : set;
            });
            free.release();
            news.release();
        }
    }

    /**
     * Follows a thread.
     *
     * @throws ApiException OVERLOADED when 512 follow already
     */
    public Follower follow(String threadId) {
        if (!free.tryAcquire()) {
            throw new ApiException(
                    ErrorCode.OVERLOADED,
                    FOLLOWERS + " event streams are open already: close some, or try again later");
        }
        Follower follower = new Follower(threadId);
        followers.compute(threadId, (_, set) -> {
            Set<Follower> all = set == null ? ConcurrentHashMap.newKeySet() : set;
            all.add(follower);
            return all;
        });
        return follower;
    }

    /** Wakes the followers of a thread. */
    void publish(String threadId) {
        Set<Follower> set = followers.get(threadId);
        if (set != null) {
            set.forEach(follower -> follower.news.release());
        }
    }

    /** Ends every stream. */
    void closeAll() {
        followers.values().forEach(set -> Set.copyOf(set).forEach(Follower::close));
    }
}
