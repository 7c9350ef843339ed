package io.athenic.e2b.server.envd;

import io.athenic.e2b.server.http.Accepts;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.e2b.server.http.ResponseStream;
import io.athenic.engine.EngineException;
import io.athenic.engine.Entry;
import io.athenic.engine.ErrorCode;
import io.athenic.engine.FileDownload;
import io.athenic.engine.Sandbox;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URLConnection;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/** {@code GET /files}: the bytes of a file, whole, a range of it, or packed. */
final class FileDownloads {
    private static final int CHUNK = 64 << 10;

    void handle(Exchange exchange, Sandbox sandbox) throws IOException {
        var path = exchange.query("path").orElse("");
        var user = exchange.query("username").filter(name -> !name.isEmpty()).orElse(null);
        var accepts = Accepts.of(exchange.header("Accept-Encoding"));
        if (!accepts.identity() && !accepts.gzip()) {
            throw new HttpFailure(406, "no acceptable encoding: gzip and identity are offered");
        }
        var rangeHeader = exchange.header("Range");
        try {
            if (rangeHeader != null || exchange.header("If-Modified-Since") != null) {
                var entry = file(opened(sandbox, path, user), path);
                if (notModified(exchange, entry)) {
                    describe(exchange, entry).respondEmpty(304);
                    return;
                }
                if (rangeHeader != null && rangeApplies(exchange, entry)) {
                    range(exchange, sandbox, path, user, entry, rangeHeader);
                    return;
                }
            }
            try (var download = sandbox.agent().read(path, user, 0, -1)) {
                whole(exchange, download, !accepts.identity() || accepts.gzipPreferred(), path);
            }
        } catch (EngineException e) {
            throw failure(e, path, user);
        } catch (IOException e) {
            if (e.getCause() instanceof EngineException cause && !exchange.answered()) {
                throw failure(cause, path, user); // a file that can be opened and not be read
            }
            throw e;
        }
    }

    /** Of the file itself: what Stat tells of a link is the link's size. */
    private static Entry opened(Sandbox sandbox, String path, @Nullable String user) {
        try (var download = sandbox.agent().read(path, user, 0, 0)) {
            return download.entry();
        }
    }

    private static HttpFailure failure(EngineException e, String path, @Nullable String user) {
        return switch (e.code()) {
            case NOT_FOUND -> new HttpFailure(404, "path '" + path + "' does not exist");
            case UNAUTHENTICATED -> new HttpFailure(401, "error looking up user '" + user + "'");
            case INVALID_ARGUMENT -> new HttpFailure(400, e.getMessage() == null ? "invalid path" : e.getMessage());
            default -> throw e;
        };
    }

    private static Entry file(Entry entry, String path) {
        if (entry.type() == Entry.EntryType.DIRECTORY) {
            throw new EngineException(ErrorCode.INVALID_ARGUMENT, "path '" + path + "' is a directory");
        }
        return entry;
    }

    private static void whole(Exchange exchange, FileDownload download, boolean gzip, String path) throws IOException {
        var entry = file(download.entry(), path);
        describe(exchange, entry);
        if (exchange.method().equals("HEAD")) {
            exchange.stream(200, entry.size()).end();
            return;
        }
        var in = download.stream();
        var first = in.readNBytes(CHUNK);
        if (gzip) {
            exchange.set("Content-Encoding", "gzip");
            var out = exchange.stream(200, -1);
            try (var packed = new GZIPOutputStream(out, CHUNK)) {
                packed.write(first);
                copy(in, packed, Long.MAX_VALUE);
            }
            out.end();
            return;
        }
        // Files of /proc and the like report no size; their bytes are worth having all the same.
        var length = entry.size() == 0 && first.length > 0 ? -1 : entry.size();
        var out = exchange.stream(200, length);
        if (length < 0) {
            out.write(first);
            copy(in, out, Long.MAX_VALUE);
            out.end();
            return;
        }
        send(exchange, out, first, in, length);
    }

    private static void range(
            Exchange exchange, Sandbox sandbox, String path, @Nullable String user, Entry entry, String header)
            throws IOException {
        var range = ByteRange.parse(header, entry.size());
        if (range == null) {
            try (var download = sandbox.agent().read(path, user, 0, -1)) {
                whole(exchange, download, false, path);
            }
            return;
        }
        if (range.length() <= 0) {
            exchange.set("Content-Range", "bytes */" + entry.size())
                    .respondError(416, "the range is outside of the file, which has " + entry.size() + " bytes");
            return;
        }
        try (var download = sandbox.agent().read(path, user, range.start(), range.length())) {
            describe(exchange, entry)
                    .set(
                            "Content-Range",
                            "bytes " + range.start() + "-" + (range.start() + range.length() - 1) + "/" + entry.size());
            var out = exchange.stream(206, range.length());
            if (exchange.method().equals("HEAD")) {
                out.end();
                return;
            }
            send(exchange, out, new byte[0], download.stream(), range.length());
        }
    }

    /** Exactly {@code length} bytes, or a cut connection when the file became shorter meanwhile. */
    private static void send(Exchange exchange, ResponseStream out, byte[] first, InputStream in, long length)
            throws IOException {
        var head = (int) Math.min(first.length, length);
        out.write(first, 0, head);
        var sent = head + copy(in, out, length - head);
        if (sent < length) {
            exchange.reset();
            throw new EOFException("the file became shorter while it was sent");
        }
        out.end();
    }

    private static long copy(InputStream in, OutputStream out, long most) throws IOException {
        var chunk = new byte[CHUNK];
        long copied = 0;
        while (copied < most) {
            var count = in.read(chunk, 0, (int) Math.min(CHUNK, most - copied));
            if (count < 0) {
                break;
            }
            out.write(chunk, 0, count);
            copied += count;
        }
        return copied;
    }

    private static Exchange describe(Exchange exchange, Entry entry) {
        var type = URLConnection.guessContentTypeFromName(entry.name());
        var plain = entry.name().chars().filter(c -> c >= ' ' && c < 127 && c != '"' && c != '\\' && c != '%');
        var ascii = plain.collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append);
        var encoded = URLEncoder.encode(entry.name(), StandardCharsets.UTF_8).replace("+", "%20");
        return exchange.set("Content-Type", type == null ? "application/octet-stream" : type)
                .set("Content-Disposition", "inline; filename=\"" + ascii + "\"; filename*=UTF-8''" + encoded)
                .set("Vary", "Accept-Encoding")
                .set("Accept-Ranges", "bytes")
                .set("X-Content-Type-Options", "nosniff")
                .set("Last-Modified", modified(entry));
    }

    private static String modified(Entry entry) {
        var seconds = Math.clamp(entry.modifiedMicros() / 1_000_000, 0L, 253_402_300_799L);
        return DateTimeFormatter.RFC_1123_DATE_TIME.format(
                Instant.ofEpochSecond(seconds).atOffset(ZoneOffset.UTC));
    }

    private static boolean notModified(Exchange exchange, Entry entry) {
        var since = exchange.header("If-Modified-Since");
        if (since == null) {
            return false;
        }
        try {
            var time = DateTimeFormatter.RFC_1123_DATE_TIME.parse(since, Instant::from);
            return entry.modifiedMicros() / 1_000_000 <= time.getEpochSecond();
        } catch (DateTimeParseException e) {
            return false;
        }
    }

    /** A range of a file that changed since ({@code If-Range}) is answered by the whole file. */
    private static boolean rangeApplies(Exchange exchange, Entry entry) {
        var condition = exchange.header("If-Range");
        return condition == null || Arrays.asList(modified(entry)).contains(condition);
    }

    /**
     * One range of bytes.
     *
     * @param length 0 or less: outside of the file
     */
    record ByteRange(long start, long length) {
        /** Null: not a single range of bytes, to be ignored (RFC 9110, 14.2). */
        static @Nullable ByteRange parse(String header, long size) {
            var match = java.util.regex.Pattern.compile("bytes\\s*=\\s*(\\d{0,18})-(\\d{0,18})")
                    .matcher(header.strip());
            if (!match.matches() || (match.group(1).isEmpty() && match.group(2).isEmpty())) {
                return null;
            }
            if (match.group(1).isEmpty()) {
                var suffix = Math.min(size, Long.parseLong(match.group(2)));
                return new ByteRange(size - suffix, suffix);
            }
            var start = Long.parseLong(match.group(1));
            var end = match.group(2).isEmpty() ? size - 1 : Math.min(size - 1, Long.parseLong(match.group(2)));
            if (!match.group(2).isEmpty() && Long.parseLong(match.group(2)) < start) {
                return null;
            }
            return new ByteRange(start, end - start + 1);
        }
    }
}
