package io.athenic.engine.egress;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/** The last decisions of one sandbox; the oldest go first. */
final class EventLog {
    static final int KEPT = 1000;

    private final InstantSource clock;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Deque<Entry> entries = new ArrayDeque<>();

    @GuardedBy("lock")
    private long sequence;

    EventLog(InstantSource clock) {
        this.clock = clock;
    }

    /** A decision whose bytes are still being counted. */
    static final class Entry {
        final AtomicLong sent = new AtomicLong();
        final AtomicLong received = new AtomicLong();

        private final long sequence;
        private final Instant at;
        private final String method;
        private final String host;
        private final int port;
        private volatile NetworkEvent.Verdict verdict;
        private volatile String address;
        private volatile String reason;
        private volatile boolean open;

        private Entry(long sequence, Instant at, NetworkEvent.Verdict verdict, String method, String host, int port) {
            this.sequence = sequence;
            this.at = at;
            this.verdict = verdict;
            this.method = method;
            this.host = host;
            this.port = port;
            this.address = "";
            this.reason = "";
        }

        void opened(String to) {
            address = to;
            open = true;
        }

        void closed() {
            open = false;
        }

        /** What turned out later; the first reason is the one that counts. */
        void ends(NetworkEvent.Verdict now, String because) {
            if (reason.isEmpty()) {
                verdict = now;
                reason = because;
            }
        }

        private NetworkEvent event() {
            return new NetworkEvent(
                    sequence, at, verdict, method, host, port, address, reason, sent.get(), received.get(), open);
        }
    }

    Entry add(NetworkEvent.Verdict verdict, String method, String host, int port, String reason) {
        lock.lock();
        try {
            Entry entry = new Entry(++sequence, clock.instant(), verdict, method, host, port);
            entry.reason = reason;
            entries.addLast(entry);
            if (entries.size() > KEPT) {
                entries.removeFirst();
            }
            return entry;
        } finally {
            lock.unlock();
        }
    }

    List<NetworkEvent> list() {
        lock.lock();
        try {
            return entries.stream().map(Entry::event).toList();
        } finally {
            lock.unlock();
        }
    }
}
