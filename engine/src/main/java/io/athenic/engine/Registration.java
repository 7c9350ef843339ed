package io.athenic.engine;

/** Something registered; closing takes it back and may be done twice. */
public interface Registration extends AutoCloseable {
    @Override
    void close();
}
