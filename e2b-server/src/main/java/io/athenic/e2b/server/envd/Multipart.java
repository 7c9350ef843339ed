package io.athenic.e2b.server.envd;

import io.athenic.e2b.server.http.HttpFailure;
import java.io.IOException;
import java.io.InputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code multipart/form-data} (RFC 7578) as a stream: one part at a time, of any size, in constant memory. File
 * names keep their directories, which is why no ready parser serves.
 */
final class Multipart {
    private static final int BUFFER = 64 << 10;
    private static final int MAX_HEADERS = 16 << 10;

    /** A part; its content is readable until the next part is asked for. */
    record Part(String name, String fileName, InputStream content) {}

    private final InputStream in;

    /** CR LF -- boundary: ends the content of a part. */
    private final byte[] delimiter;

    private final byte[] buffer = new byte[BUFFER];
    private int start;
    private int end;
    private boolean exhausted;
    private boolean first = true;
    private @Nullable Content open;

    Multipart(InputStream in, String boundary) {
        this.in = in;
        this.delimiter = ("\r\n--" + boundary).getBytes(StandardCharsets.ISO_8859_1);
    }

    /** The next part, null after the last. */
    @Nullable
    Part next() throws IOException {
        if (first) {
            first = false;
            // The first delimiter may stand at the very start: pretend that a line ended before it.
            buffer[0] = '\r';
            buffer[1] = '\n';
            end = 2;
            new Content().skipAll();
        } else if (open != null) {
            open.skipAll();
        }
        open = null;
        require(2);
        if (buffer[start] == '-' && buffer[start + 1] == '-') {
            drain();
            return null;
        }
        var headers = headers();
        var disposition = "";
        for (var line : headers.split("\r\n", -1)) {
            if (line.toLowerCase(Locale.ROOT).startsWith("content-disposition:")) {
                disposition = line.substring("content-disposition:".length());
            }
        }
        var content = new Content();
        open = content;
        var extended = parameter(disposition, "filename*");
        var fileName = extended.isEmpty() ? parameter(disposition, "filename") : decode(extended);
        return new Part(parameter(disposition, "name"), fileName, content);
    }

    /** Up to the empty line; the rest of the delimiter's line comes first. */
    private String headers() throws IOException {
        var text = new StringBuilder();
        while (true) {
            require(1);
            text.append((char) (buffer[start++] & 255));
            var length = text.length();
            if (length >= 4 && text.indexOf("\r\n\r\n", length - 4) >= 0) {
                return new String(text.toString().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
            }
            if (length > MAX_HEADERS) {
                throw new HttpFailure(
                        400, "multipart: the headers of a part are longer than " + MAX_HEADERS + " bytes");
            }
        }
    }

    /** The form of RFC 8187 that some libraries use for names that are not ASCII: {@code UTF-8''na%C3%AFve}. */
    private static String decode(String extended) {
        var parts = extended.split("'", 3);
        if (parts.length < 3 || !parts[0].equalsIgnoreCase("utf-8")) {
            throw new HttpFailure(400, "multipart: a filename* must be in UTF-8");
        }
        try {
            return URLDecoder.decode(parts[2].replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw new HttpFailure(400, "multipart: a filename* has a broken percent sequence");
        }
    }

    /** A quoted parameter. Browsers write a quote as %22, curl as \" ; both are undone. */
    private static String parameter(String disposition, String name) {
        var at = indexOfParameter(disposition, name);
        if (at < 0) {
            return "";
        }
        if (at < disposition.length() && disposition.charAt(at) == '"') {
            var value = new StringBuilder();
            for (var i = at + 1; i < disposition.length() && disposition.charAt(i) != '"'; i++) {
                var c = disposition.charAt(i);
                if (c == '\\' && i + 1 < disposition.length() && "\\\"".indexOf(disposition.charAt(i + 1)) >= 0) {
                    c = disposition.charAt(++i);
                }
                value.append(c);
            }
            return value.toString().replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n");
        }
        var stop = disposition.indexOf(';', at);
        return disposition.substring(at, stop < 0 ? disposition.length() : stop).strip();
    }

    private static int indexOfParameter(String disposition, String name) {
        var quoted = false;
        for (var i = 0; i < disposition.length(); i++) {
            var c = disposition.charAt(i);
            if (c == '\\' && quoted) {
                i++;
            } else if (c == '"') {
                quoted = !quoted;
            } else if (c == ';' && !quoted) {
                var j = i + 1;
                while (j < disposition.length() && disposition.charAt(j) == ' ') {
                    j++;
                }
                if (disposition.regionMatches(true, j, name + "=", 0, name.length() + 1)) {
                    return j + name.length() + 1;
                }
            }
        }
        return -1;
    }

    private void require(int count) throws IOException {
        while (end - start < count) {
            if (!fill()) {
                throw new HttpFailure(400, "multipart: the body ends before its last boundary");
            }
        }
    }

    private boolean fill() throws IOException {
        if (exhausted) {
            return false;
        }
        if (start > 0) {
            System.arraycopy(buffer, start, buffer, 0, end - start);
            end -= start;
            start = 0;
        }
        var count = in.read(buffer, end, buffer.length - end);
        if (count < 0) {
            exhausted = true;
            return false;
        }
        end += count;
        return true;
    }

    private void drain() throws IOException {
        do {
            start = end;
        } while (fill());
    }

    private final class Content extends InputStream {
        private boolean done;

        @Override
        public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 255;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            Objects.checkFromIndexSize(offset, length, target.length);
            if (done || length == 0) {
                return done ? -1 : 0;
            }
            while (true) {
                var found = find();
                if (found == start && end - start >= delimiter.length) {
                    start += delimiter.length;
                    done = true;
                    return -1;
                }
                if (found > start) {
                    var count = Math.min(length, found - start);
                    System.arraycopy(buffer, start, target, offset, count);
                    start += count;
                    return count;
                }
                if (!fill()) {
                    throw new HttpFailure(400, "multipart: the body ends before its last boundary");
                }
            }
        }

        /** Where the delimiter begins, or could begin if more bytes came; {@code end} when nowhere. */
        private int find() {
            for (var i = start; i < end; i++) {
                var j = 0;
                while (j < delimiter.length && i + j < end && buffer[i + j] == delimiter[j]) {
                    j++;
                }
                if (j == delimiter.length || i + j == end) {
                    return i;
                }
            }
            return end;
        }

        void skipAll() throws IOException {
            var waste = new byte[8192];
            while (read(waste, 0, waste.length) >= 0) {}
        }
    }
}
