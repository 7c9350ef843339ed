package io.athenic.e2b.server.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.Locale;

/**
 * The head of a request, read more strictly than RFC 9112 demands: what two readers could take for two different requests (request smuggling) is refused
 * instead of mended, since a proxy may stand before this server.
 *
 * @param bodyLength of the body in bytes; {@link #CHUNKED}: in chunks
 */
record RequestHead(long bodyLength) {
    static final long CHUNKED = -1;
    static final int MAX_FIELDS = 100;

    private static final String TOKEN = "!#$%&'*+-.^_`|~";

    /**
     * @param bytes from the method to the empty line, which is there; lines end with CR LF
     * @throws RefusedException with what is wrong
     */
    static RequestHead read(byte[] bytes, int length, int maxLine) throws RefusedException {
        var lines = new String(bytes, 0, length - 4, ISO_8859_1).split("\r\n", -1);
        var old = requestLine(lines[0], maxLine);
        if (lines.length - 1 > MAX_FIELDS) {
            throw new RefusedException(431, "a request may have at most " + MAX_FIELDS + " headers");
        }
        var fields = new Fields();
        for (var i = 1; i < lines.length; i++) {
            fields.add(lines[i]);
        }
        return new RequestHead(fields.bodyLength(old));
    }

    /** Returns whether it is HTTP/1.0. */
    private static boolean requestLine(String line, int maxLine) throws RefusedException {
        if (line.length() > maxLine) {
            throw new RefusedException(414, "the request line is longer than " + maxLine + " bytes");
        }
        var target = line.indexOf(' ');
        var version = line.indexOf(' ', target + 1);
        if (!isToken(line, target) || target > 32 || version < 0 || line.indexOf(' ', version + 1) >= 0) {
            throw new RefusedException(400, "the first line is no request: METHOD /path HTTP/1.1 is wanted");
        }
        switch (line.substring(version + 1)) {
            case "HTTP/1.0", "HTTP/1.1" -> {}
            default -> throw new RefusedException(505, "HTTP/1.1 is spoken here");
        }
        if (line.charAt(target + 1) != '/') {
            throw new RefusedException(400, "the target must be a path that begins with /");
        }
        for (var i = target + 1; i < version; i++) {
            if (line.charAt(i) <= ' ' || line.charAt(i) > '~') {
                throw new RefusedException(400, "the path has a character that must be percent-encoded");
            }
        }
        return line.endsWith("0");
    }

    private static boolean isToken(String text, int end) {
        for (var i = 0; i < end; i++) {
            var c = text.charAt(i);
            if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && TOKEN.indexOf(c) < 0) {
                return false;
            }
        }
        return end > 0;
    }

    /** Those that say where a request ends and for whom it is: each at most once. */
    private static final class Fields {
        private String host = "";
        private String length = "";
        private String coding = "";

        void add(String line) throws RefusedException {
            var colon = line.indexOf(':');
            if (!isToken(line, colon)) {
                throw new RefusedException(
                        400,
                        "a header is malformed: NAME: VALUE is wanted, on one line, without space before the colon");
            }
            for (var i = colon + 1; i < line.length(); i++) {
                var c = line.charAt(i);
                if ((c < ' ' && c != '\t') || c == 127) {
                    throw new RefusedException(400, "a header has a control character");
                }
            }
            var value = line.substring(colon + 1).strip();
            switch (line.substring(0, colon).toLowerCase(Locale.ROOT)) {
                case "host" -> host = once("Host", host, value);
                case "content-length" -> length = once("Content-Length", length, value);
                case "transfer-encoding" -> coding = once("Transfer-Encoding", coding, value);
                case "expect" -> {
                    if (!value.equalsIgnoreCase("100-continue")) {
                        throw new RefusedException(417, "the only expectation that is met is 100-continue");
                    }
                }
                default -> {}
            }
        }

        private static String once(String name, String earlier, String value) throws RefusedException {
            if (!earlier.isEmpty()) {
                throw new RefusedException(400, "there is more than one header " + name);
            }
            if (value.isEmpty()) {
                throw new RefusedException(400, "the header " + name + " is empty");
            }
            return value;
        }

        long bodyLength(boolean old) throws RefusedException {
            if (host.isEmpty() && !old) {
                throw new RefusedException(400, "the header Host is missing");
            }
            for (var i = 0; i < host.length(); i++) {
                var c = host.charAt(i);
                if (!Character.isLetterOrDigit(c) && ".-_:[]".indexOf(c) < 0) {
                    throw new RefusedException(400, "the header Host is no host name with or without a port");
                }
            }
            if (coding.isEmpty()) {
                return length.isEmpty() ? 0 : number();
            }
            if (!length.isEmpty()) {
                throw new RefusedException(400, "a request has Content-Length or Transfer-Encoding, not both");
            }
            if (old || !coding.equalsIgnoreCase("chunked")) {
                throw new RefusedException(400, "the only Transfer-Encoding is chunked, in HTTP/1.1");
            }
            return CHUNKED;
        }

        private long number() throws RefusedException {
            for (var i = 0; i < length.length(); i++) {
                if (length.charAt(i) < '0' || length.charAt(i) > '9' || i == 18) {
                    throw new RefusedException(400, "the header Content-Length is no number of bytes");
                }
            }
            return Long.parseLong(length);
        }
    }
}
