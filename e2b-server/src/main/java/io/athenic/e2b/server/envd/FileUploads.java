package io.athenic.e2b.server.envd;

import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.FilesystemApi.WrittenFile;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.Gzip;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.EngineException;
import io.athenic.engine.ErrorCode;
import io.athenic.engine.Sandbox;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code POST /files}: bytes straight from the socket into files of the sandbox, in either of two body formats. */
final class FileUploads {
    private static final int MAX_FILES = 10_000;

    private final long maxBytes;

    FileUploads(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    void handle(Exchange exchange, Sandbox sandbox) throws IOException {
        var user = exchange.query("username").filter(name -> !name.isEmpty()).orElse(null);
        var metadata = metadata(exchange);
        var type = exchange.header("Content-Type");
        var kind = type == null ? "" : type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
        var body = new Bounded(Gzip.decode(exchange.header("Content-Encoding"), exchange.body()), maxBytes);
        try {
            var written = switch (kind) {
                case "application/octet-stream" -> List.of(write(sandbox, octetPath(exchange), user, metadata, body));
                case "multipart/form-data" ->
                    multipart(exchange, sandbox, user, metadata, new Multipart(body, boundary(type)));
                default ->
                    throw new HttpFailure(
                            400,
                            "content type must be multipart/form-data or application/octet-stream, not '" + kind + "'");
            };
            exchange.respondJson(200, written);
        } catch (EngineException e) {
            throw failure(e, user);
        }
    }

    private static HttpFailure failure(EngineException e, @Nullable String user) {
        var message = e.getMessage() == null ? "" : e.getMessage();
        return switch (e.code()) {
            case UNAUTHENTICATED -> new HttpFailure(401, "error looking up user '" + user + "'");
            case RESOURCE_EXHAUSTED -> new HttpFailure(507, message.isEmpty() ? "not enough space" : message);
            case INVALID_ARGUMENT, ALREADY_EXISTS, FAILED_PRECONDITION -> new HttpFailure(400, message);
            default -> throw e;
        };
    }

    private static String octetPath(Exchange exchange) {
        return exchange.query("path")
                .filter(path -> !path.isEmpty())
                .orElseThrow(
                        () -> new HttpFailure(400, "the query parameter path is needed with an octet-stream body"));
    }

    private static List<WrittenFile> multipart(
            Exchange exchange, Sandbox sandbox, @Nullable String user, Map<String, String> metadata, Multipart parts)
            throws IOException {
        var given = exchange.query("path").filter(path -> !path.isEmpty());
        var written = new ArrayList<WrittenFile>();
        var paths = new HashSet<String>();
        for (var part = parts.next(); part != null; part = parts.next()) {
            if (!part.name().equals("file")) {
                continue;
            }
            var path = given.orElse(part.fileName());
            if (path.isEmpty()) {
                throw new HttpFailure(400, "a part 'file' has no file name, and the query has no path");
            }
            if (!paths.add(path)) {
                throw new HttpFailure(400, "two parts are for one path: '" + path + "'");
            }
            if (paths.size() > MAX_FILES) {
                throw new HttpFailure(413, "more than " + MAX_FILES + " files in one request");
            }
            written.add(write(sandbox, path, user, metadata, part.content()));
        }
        return written;
    }

    private static WrittenFile write(
            Sandbox sandbox, String path, @Nullable String user, Map<String, String> metadata, InputStream content)
            throws IOException {
        return Entries.written(sandbox.agent().write(path, user, metadata, content));
    }

    private static String boundary(@Nullable String type) {
        for (var parameter : (type == null ? "" : type).split(";", 20)) {
            var text = parameter.strip();
            if (text.regionMatches(true, 0, "boundary=", 0, 9)) {
                var value = text.substring(9).strip();
                var boundary = value.length() > 1 && value.startsWith("\"") && value.endsWith("\"")
                        ? value.substring(1, value.length() - 1)
                        : value;
                if (!boundary.isEmpty() && boundary.length() <= 70) {
                    return boundary;
                }
            }
        }
        throw new HttpFailure(400, "multipart/form-data needs a boundary of 1 to 70 characters");
    }

    /** Headers {@code X-Metadata-KEY}; of several with one key the first counts. */
    private static Map<String, String> metadata(Exchange exchange) {
        var metadata = new LinkedHashMap<String, String>();
        var size = 0;
        for (var header : exchange.headers()) {
            var name = header.getKey().toLowerCase(Locale.ROOT);
            if (!name.startsWith(E2b.HEADER_METADATA_PREFIX.toLowerCase(Locale.ROOT))) {
                continue;
            }
            var key = name.substring(E2b.HEADER_METADATA_PREFIX.length());
            var value = header.getValue();
            if (key.isEmpty() || key.length() > 246) {
                throw new HttpFailure(400, "metadata: a key has 1 to 246 bytes");
            }
            if (!printable(key) || !printable(value)) {
                throw new HttpFailure(400, "metadata: keys and values are printable ASCII");
            }
            if (metadata.putIfAbsent(key, value) == null) {
                size += key.length() + value.length();
            }
            if (size > 4096) {
                throw new HttpFailure(400, "metadata: all keys and values together have at most 4096 bytes");
            }
        }
        return metadata;
    }

    private static boolean printable(String text) {
        return text.chars().allMatch(c -> c >= 0x20 && c < 0x7f);
    }

    /** A packed body may unpack to any size: the count is of unpacked bytes. */
    private static final class Bounded extends InputStream {
        private final InputStream in;
        private long left;

        Bounded(InputStream in, long max) {
            this.in = in;
            this.left = max;
        }

        @Override
        public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 255;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            var count = in.read(target, offset, length);
            left -= Math.max(0, count);
            if (left < 0) {
                throw new EngineException(ErrorCode.RESOURCE_EXHAUSTED, "the upload is larger than the server allows");
            }
            return count;
        }
    }
}
