package io.athenic.engine;

/**
 * How many finished rooms are kept waiting.
 *
 * @param size those of the usual template while little is asked for; 0: no room of any template is kept
 * @param max those of the usual template while much is asked for
 * @param loadPerCore the machine is busy while its load of one minute is above this for each core: then only {@code size} rooms are kept up
 */
public record Pooling(int size, int max, double loadPerCore) {
    private static final double LOAD_PER_CORE = 2;

    public Pooling {
        Check.range("poolSize", size, 0, 1000);
        Check.range("poolMax", max, size, 1000);
    }

    public Pooling(int size, int max) {
        this(size, max, LOAD_PER_CORE);
    }

    /** A pool that does not grow. */
    public static Pooling fixed(int size) {
        return new Pooling(size, size);
    }
}
