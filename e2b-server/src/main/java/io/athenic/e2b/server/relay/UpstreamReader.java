package io.athenic.e2b.server.relay;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** Reads HTTP/1.1 answers (RFC 9112) of a server that is not trusted: heads are bounded, framing is strict. */
final class UpstreamReader {
    private static final int MAX_HEAD = 64 << 10;
    private static final Pattern STATUS = Pattern.compile("HTTP/1\\.[01] ([1-9]\\d\\d)( .*)?");
    private static final Pattern NAME = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");

    private final InputStream in;

    UpstreamReader(InputStream in) {
        this.in = new BufferedInputStream(in, 64 << 10);
    }

    record Header(String name, String value) {}

    /** @param length of the body in bytes, -1: not known */
    record Head(int status, List<Header> headers, long length, boolean chunked) {}

    Head head() throws IOException {
        var budget = new int[] {MAX_HEAD};
        var match = STATUS.matcher(line(budget));
        if (!match.matches()) {
            throw new UpstreamException("the server in the sandbox does not answer in HTTP/1.1");
        }
        var headers = new ArrayList<Header>();
        long length = -1;
        var chunked = false;
        for (var line = line(budget); !line.isEmpty(); line = line(budget)) {
            var colon = line.indexOf(':');
            if (colon < 1 || !NAME.matcher(line.substring(0, colon)).matches()) {
                throw new UpstreamException("the server in the sandbox sent a malformed header");
            }
            var header = new Header(
                    line.substring(0, colon), line.substring(colon + 1).strip());
            switch (header.name.toLowerCase(Locale.ROOT)) {
                case "content-length" -> length = length(header.value, length);
                case "transfer-encoding" -> {
                    if (!header.value.equalsIgnoreCase("chunked")) {
                        throw new UpstreamException("the server in the sandbox sent an unknown transfer encoding");
                    }
                    chunked = true;
                }
                default -> {}
            }
            headers.add(header);
        }
        return new Head(Integer.parseInt(match.group(1)), headers, chunked ? -1 : length, chunked);
    }

    private static long length(String text, long before) throws UpstreamException {
        if (text.isEmpty() || text.length() > 18 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw new UpstreamException("the server in the sandbox sent a malformed Content-Length");
        }
        var length = Long.parseLong(text);
        if (before >= 0 && before != length) {
            throw new UpstreamException("the server in the sandbox sent two Content-Lengths");
        }
        return length;
    }

    private String line(int[] budget) throws IOException {
        var text = new StringBuilder(80);
        while (true) {
            var b = in.read();
            if (b < 0) {
                throw new UpstreamException("the server in the sandbox closed the connection without an answer");
            }
            if (--budget[0] < 0) {
                throw new UpstreamException("the head of the answer is larger than " + MAX_HEAD + " bytes");
            }
            if (b == '\n') {
                var end = text.length();
                if (end > 0 && text.charAt(end - 1) == '\r') {
                    text.setLength(end - 1);
                }
                if (text.chars().anyMatch(c -> c == '\r' || c == 0)) {
                    throw new UpstreamException("the server in the sandbox sent a malformed header");
                }
                return new String(text.toString().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
            }
            text.append((char) b);
        }
    }

    /** The body that follows a head. */
    InputStream body(Head head) {
        if (head.chunked) {
            return new Chunked();
        }
        return head.length < 0 ? in : new Fixed(head.length);
    }

    /** What follows, raw. */
    InputStream rest() {
        return in;
    }

    private abstract static class Body extends InputStream {
        @Override
        public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 255;
        }

        @Override
        public abstract int read(byte[] target, int offset, int length) throws IOException;
    }

    private final class Fixed extends Body {
        private long left;

        Fixed(long length) {
            left = length;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            if (left == 0) {
                return -1;
            }
            var count = in.read(target, offset, (int) Math.min(length, left));
            if (count < 0) {
                throw new UpstreamException("the answer ends before its Content-Length");
            }
            left -= count;
            return count;
        }
    }

    private final class Chunked extends Body {
        private long left;
        private boolean first = true;
        private boolean done;

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            if (left == 0 && !done) {
                next();
            }
            if (done) {
                return -1;
            }
            var count = in.read(target, offset, (int) Math.min(length, left));
            if (count < 0) {
                throw new UpstreamException("the answer ends inside a chunk");
            }
            left -= count;
            return count;
        }

        private void next() throws IOException {
            var budget = new int[] {MAX_HEAD};
            if (!first && !line(budget).isEmpty()) {
                throw new UpstreamException("a chunk of the answer is longer than it said");
            }
            first = false;
            var size = line(budget).split(";", 2)[0].strip();
            if (size.isEmpty() || size.length() > 15) {
                throw new UpstreamException("the answer has a malformed chunk");
            }
            try {
                left = Long.parseUnsignedLong(size, 16);
            } catch (NumberFormatException e) {
                throw new UpstreamException("the answer has a malformed chunk");
            }
            if (left == 0) {
                // Trailers are of one hop.
                while (!line(budget).isEmpty()) {}
                done = true;
            }
        }
    }
}
