package io.athenic.engine;

import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.UUID;

/** Names that cannot be guessed. */
final class Ids {
    private static final String ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
    private static final int LENGTH = 24; // 36^24 is 124 bits

    private final SecureRandom random = new SecureRandom();

    /** {@code i} and 24 of a-z0-9: fits a host name's label and roomd's rule. */
    String sandbox() {
        StringBuilder id = new StringBuilder("i");
        for (int i = 0; i < LENGTH; i++) {
            id.append(ALPHABET.charAt(random.nextInt(ALPHABET.length())));
        }
        return id.toString();
    }

    /** 256 bits in hex. */
    String token() {
        byte[] bytes = new byte[32];
        random.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    String context() {
        return UUID.randomUUID().toString();
    }
}
