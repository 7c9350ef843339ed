package io.athenic.engine.egress;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Reads the server name that the first bytes of a TLS client ask for (RFC 8446, 4.1.2 and 5.1; RFC 6066, 3). */
final class ClientHello {
    private static final int HANDSHAKE = 22;
    private static final int CLIENT_HELLO = 1;
    private static final int SERVER_NAME = 0;

    /** Bytes of a hello, its records included; those of browsers have some two thousand. */
    static final int MAX = 32 << 10;

    /** What the bytes are. */
    sealed interface Seen {
        /** More bytes are needed. */
        record Part() implements Seen {}

        /** No TLS. */
        record Other() implements Seen {}

        /** TLS that cannot be read, or that names more than one server. */
        record Unreadable() implements Seen {}

        /** A whole hello; {@code name} null: it names no server. */
        record Hello(@Nullable String name) implements Seen {}
    }

    private ClientHello() {}

    /** Looks at the bytes from the start of the connection on. */
    static Seen read(ByteBuffer bytes) {
        ByteBuffer in = bytes.duplicate();
        if (in.hasRemaining() && in.get(in.position()) != HANDSHAKE) {
            return new Seen.Other();
        }
        // A hello may come in several records, and a record may hold the start of what follows.
        ByteBuffer message = ByteBuffer.allocate(MAX);
        while (true) {
            if (message.position() >= 4) {
                int length = (message.get(1) & 0xff) << 16 | (message.getShort(2) & 0xffff);
                if (message.get(0) != CLIENT_HELLO || length > MAX - 4) {
                    return new Seen.Unreadable();
                }
                if (message.position() >= length + 4) {
                    return hello(message.flip().slice(4, length));
                }
            }
            if (in.remaining() < 5) {
                return new Seen.Part();
            }
            int kind = in.get();
            int major = in.get();
            byte _ = in.get();
            int size = in.getShort() & 0xffff;
            if (kind != HANDSHAKE || major != 3 || size == 0 || size > message.remaining()) {
                return new Seen.Unreadable();
            }
            if (in.remaining() < size) {
                return new Seen.Part();
            }
            message.put(in.slice(in.position(), size));
            in.position(in.position() + size);
        }
    }

    private static Seen hello(ByteBuffer in) {
        try {
            skip(in, 2 + 32); // version, random
            skip(in, in.get() & 0xff); // session
            skip(in, in.getShort() & 0xffff); // ciphers
            skip(in, in.get() & 0xff); // compressions
            if (!in.hasRemaining()) {
                return new Seen.Hello(null);
            }
            ByteBuffer extensions = part(in, in.getShort() & 0xffff);
            String found = null;
            while (extensions.hasRemaining()) {
                int kind = extensions.getShort() & 0xffff;
                ByteBuffer extension = part(extensions, extensions.getShort() & 0xffff);
                if (kind == SERVER_NAME) {
                    ByteBuffer names = part(extension, extension.getShort() & 0xffff);
                    byte type = names.get();
                    ByteBuffer name = part(names, names.getShort() & 0xffff);
                    if (type != 0 || names.hasRemaining() || extension.hasRemaining() || found != null) {
                        return new Seen.Unreadable();
                    }
                    found = StandardCharsets.ISO_8859_1.decode(name).toString().toLowerCase(Locale.ROOT);
                }
            }
            return new Seen.Hello(found);
        } catch (java.nio.BufferUnderflowException | IllegalArgumentException | IndexOutOfBoundsException _) {
            return new Seen.Unreadable();
        }
    }

    private static void skip(ByteBuffer in, int count) {
        in.position(in.position() + count);
    }

    private static ByteBuffer part(ByteBuffer in, int count) {
        ByteBuffer part = in.slice(in.position(), count);
        skip(in, count);
        return part;
    }
}
