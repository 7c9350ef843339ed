package io.athenic.e2b.protocol;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/** Signatures of envd's file URLs: a hash over path, operation, user, the sandbox's token, and the expiry. */
public final class Signatures {
    /** What a signed URL allows. */
    public enum Operation {
        READ("read"),
        WRITE("write");

        private final String wireName;

        Operation(String wireName) {
            this.wireName = wireName;
        }
    }

    private Signatures() {}

    /**
     * The signature of a URL.
     *
     * @param path as in the query, not resolved; empty when absent
     * @param user as in the query; empty when absent
     * @param token the sandbox's envd access token
     * @param expiration seconds since the epoch; null: for ever
     */
    public static String sign(String path, Operation operation, String user, String token, @Nullable Long expiration) {
        var raw = path + ":" + operation.wireName + ":" + user + ":" + token;
        if (expiration != null) {
            raw += ":" + expiration;
        }
        try {
            var hash = MessageDigest.getInstance("SHA-256").digest(raw.getBytes(StandardCharsets.UTF_8));
            return "v1_" + Base64.getEncoder().withoutPadding().encodeToString(hash);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** Compares secrets in a time that does not depend on where they differ. */
    public static boolean same(String expected, String given) {
        return MessageDigest.isEqual(expected.getBytes(StandardCharsets.UTF_8), given.getBytes(StandardCharsets.UTF_8));
    }
}
