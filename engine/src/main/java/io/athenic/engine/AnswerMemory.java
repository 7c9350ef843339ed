package io.athenic.engine;

/**
 * What one large answer of a sandbox may take of the server's memory, from its first part until the caller has handed it on and closes this. All answers and
 * results of all sandboxes share one bound.
 */
public final class AnswerMemory implements AutoCloseable {
    /** An answer costs its text, the objects made of it, and the text that is made of those. */
    private static final int COPIES = 6;

    private final GuestMemory.Share share;
    private long bytes;
    private int held;

    AnswerMemory(GuestMemory.Share share) {
        this.share = share;
    }

    /** So many bytes of the guest have come in all. */
    void grown(long received) {
        bytes = received * COPIES;
        if (bytes <= GuestMemory.FREE_BYTES || bytes >> 10 <= held) {
            return;
        }
        try {
            int taken = share.take(bytes - ((long) held << 10), held);
            if (taken == GuestMemory.NONE) {
                throw new EngineException(
                        ErrorCode.RESOURCE_EXHAUSTED,
                        "too many large answers are under way: ask for less at once (a lower depth, a folder further down), or try again later");
            }
            held += taken;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineException(ErrorCode.UNAVAILABLE, "interrupted while waiting for memory", e);
        }
    }

    @Override
    public void close() {
        share.close();
    }
}
