package io.athenic.chat;

import java.security.SecureRandom;
import java.util.HexFormat;

/** Ids that cannot be guessed: 128 random bits. */
final class Ids {

    private static final int BYTES = 16;

    private final SecureRandom random = new SecureRandom();

    String next(String kind) {
        byte[] bytes = new byte[BYTES];
        random.nextBytes(bytes);
        return kind + "_" + HexFormat.of().formatHex(bytes);
    }
}
