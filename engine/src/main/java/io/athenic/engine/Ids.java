package io.athenic.engine;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
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
        return name('i');
    }

    /** {@code s} and 24 of a-z0-9. */
    String snapshot() {
        return name('s');
    }

    private String name(char first) {
        StringBuilder id = new StringBuilder().append(first);
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

    /** The token for a sandbox's ports: it follows from that for its processes and files, and not the other way round. */
    static String trafficToken(String accessToken) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            return HexFormat.of()
                    .formatHex(digest.digest(("traffic:" + accessToken).getBytes(StandardCharsets.US_ASCII)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }

    String context() {
        return UUID.randomUUID().toString();
    }
}
