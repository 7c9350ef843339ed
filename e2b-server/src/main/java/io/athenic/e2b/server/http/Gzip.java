package io.athenic.e2b.server.http;

import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/** Content coding: gzip and identity. */
public final class Gzip {
    private Gzip() {}

    /**
     * The body behind its coding.
     *
     * @throws HttpFailure 400: not gzip; 415: another coding
     */
    public static InputStream decode(@Nullable String coding, InputStream body) throws IOException {
        if (coding == null || coding.isBlank() || coding.equalsIgnoreCase("identity")) {
            return body;
        }
        if (!coding.strip().toLowerCase(Locale.ROOT).equals("gzip")) {
            throw new HttpFailure(
                    415, "content encoding '" + printable(coding) + "' is not supported: use gzip or none");
        }
        return new Checked(body);
    }

    private static String printable(String text) {
        return text.length() > 40 ? text.substring(0, 40) : text;
    }

    /** Tells a broken gzip stream (the client's fault) from a broken connection. */
    private static final class Checked extends InputStream {
        private final InputStream body;
        private @Nullable GZIPInputStream unpacked;

        Checked(InputStream body) {
            this.body = body;
        }

        @Override
        public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 255;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            try {
                var in = unpacked;
                if (in == null) {
                    in = new GZIPInputStream(body, 8192);
                    unpacked = in;
                }
                return in.read(target, offset, length);
            } catch (java.util.zip.ZipException | java.io.EOFException e) {
                throw new HttpFailure(400, "the body is not valid gzip");
            }
        }
    }
}
