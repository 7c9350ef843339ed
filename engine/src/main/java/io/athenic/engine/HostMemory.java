package io.athenic.engine;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The machine's free memory, which new sandboxes must leave some of. */
final class HostMemory {
    private static final Path MEMINFO = Path.of("/proc/meminfo");

    private static final String NAME = "MemAvailable:";

    /** It is the third of some fifty lines, and every create asks. */
    private static final int HEAD = 256;

    /** What a new sandbox needs before its code does anything. */
    private static final long ROOM_BYTES = 64L << 20;

    private final long reserveBytes;

    HostMemory(long reserveBytes) {
        this.reserveBytes = reserveBytes;
    }

    /** RESOURCE_EXHAUSTED when another sandbox would take what must stay free. */
    void check() {
        long available = availableBytes();
        if (available < reserveBytes + ROOM_BYTES) {
            throw new EngineException(
                    ErrorCode.RESOURCE_EXHAUSTED,
                    "the machine is short of memory: " + (available >> 20) + " MiB are available and "
                            + (reserveBytes >> 20) + " MiB must stay free: end sandboxes, or try again later");
        }
    }

    /** Whether so many new sandboxes leave what must stay free. */
    boolean admits(int sandboxes) {
        return availableBytes() - reserveBytes >= sandboxes * ROOM_BYTES;
    }

    /** What programs can have without swapping (proc_meminfo(5), MemAvailable); unknown counts as plenty. */
    static long availableBytes() {
        try (InputStream meminfo = Files.newInputStream(MEMINFO)) {
            String head = new String(meminfo.readNBytes(HEAD), StandardCharsets.US_ASCII);
            int name = head.indexOf(NAME);
            int unit = head.indexOf(" kB", name);
            if (name >= 0 && unit >= 0) {
                return Long.parseLong(head.substring(name + NAME.length(), unit).strip()) << 10;
            }
        } catch (IOException _) {
            // no such file: then the sandboxes' own limits are all there is
        }
        return Long.MAX_VALUE;
    }
}
