package io.athenic.engine;

import java.io.InputStream;

/** A file being read: its entry and its bytes. Close it; a reader that stops reading stops the sender. */
public final class FileDownload implements AutoCloseable {
    private final Entry entry;
    private final FrameInputStream stream;

    FileDownload(Entry entry, FrameInputStream stream) {
        this.entry = entry;
        this.stream = stream;
    }

    public Entry entry() {
        return entry;
    }

    /** The bytes; ends early with an {@link java.io.IOException} when the sandbox dies or stops sending for a minute. */
    public InputStream stream() {
        return stream;
    }

    @Override
    public void close() {
        stream.close();
    }
}
