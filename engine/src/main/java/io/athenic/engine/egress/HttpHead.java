package io.athenic.engine.egress;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The start line and the fields of an HTTP/1 message, read so that no two programs can read it in two ways: lines end with CR LF and
 * nothing else, no folded lines, no space before a colon, no control characters, one framing.
 */
final class HttpHead {
    /** Bytes of a head. */
    static final int MAX = 64 << 10;

    private static final int MAX_FIELDS = 200;
    private static final Pattern TOKEN = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}");

    /** Fields of one hop (RFC 9110, 7.6.1), and those that this proxy writes itself. */
    private static final Set<String> HOP = Set.of(
            "connection",
            "proxy-connection",
            "keep-alive",
            "te",
            "trailer",
            "upgrade",
            "proxy-authorization",
            "proxy-authenticate",
            "http2-settings");

    private static final Set<String> FRAMING = Set.of("content-length", "transfer-encoding", "host");

    record Field(String name, String value) {
        boolean is(String wanted) {
            return name.equalsIgnoreCase(wanted);
        }
    }

    private final String start;
    private final List<Field> fields;

    private HttpHead(String start, List<Field> fields) {
        this.start = start;
        this.fields = fields;
    }

    /** Reads a head that ends with its empty line. */
    static HttpHead parse(byte[] bytes) throws Refusal {
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean crlf = c == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n';
            if (crlf) {
                i++;
            } else if ((c < ' ' && c != '\t') || c == 0x7f) {
                throw Refusal.malformed("the head holds a control character, or a line that does not end with CR LF");
            }
        }
        String[] lines = text.substring(0, text.length() - 4).split("\r\n", -1);
        if (lines.length - 1 > MAX_FIELDS) {
            throw Refusal.malformed("the head has more than " + MAX_FIELDS + " fields");
        }
        List<Field> fields = new ArrayList<>();
        for (int i = 1; i < lines.length; i++) {
            int colon = lines[i].indexOf(':');
            if (colon < 0 || !TOKEN.matcher(lines[i].substring(0, colon)).matches()) {
                throw Refusal.malformed("line " + (i + 1) + " of the head is no field: NAME: VALUE is wanted");
            }
            fields.add(new Field(
                    lines[i].substring(0, colon), lines[i].substring(colon + 1).strip()));
        }
        return new HttpHead(lines[0], fields);
    }

    String start() {
        return start;
    }

    List<String> values(String name) {
        return fields.stream().filter(field -> field.is(name)).map(Field::value).toList();
    }

    /** How the body of a request is framed; a message that says it in two ways, or in a way unknown here, is refused. */
    Framing requestFraming(boolean http11) throws Refusal {
        List<String> codings = values("transfer-encoding");
        List<String> lengths = values("content-length");
        if (!codings.isEmpty()) {
            if (!lengths.isEmpty()
                    || !http11
                    || codings.size() > 1
                    || !codings.getFirst().equalsIgnoreCase("chunked")) {
                throw Refusal.malformed("the framing of the request is ambiguous: one Content-Length, or"
                        + " Transfer-Encoding: chunked alone, is wanted");
            }
            return new Framing.Chunked();
        }
        if (lengths.isEmpty()) {
            return new Framing.Length(0);
        }
        if (lengths.size() > 1 || !lengths.getFirst().matches("\\d{1,18}")) {
            throw Refusal.malformed("Content-Length must be one number");
        }
        return new Framing.Length(Long.parseLong(lengths.getFirst()));
    }

    /** How the body of an answer is framed. The connection carries one answer: whatever else it says, its end is the end. */
    Framing answerFraming() {
        List<String> lengths = values("content-length");
        return values("transfer-encoding").isEmpty()
                        && lengths.size() == 1
                        && lengths.getFirst().matches("\\d{1,18}")
                ? new Framing.Length(Long.parseLong(lengths.getFirst()))
                : new Framing.ToEnd();
    }

    /** The fields that go on to the next hop: without those of this one and those that {@code Connection} names. */
    List<Field> onward() {
        Set<String> named = values("connection").stream()
                .flatMap(value -> Stream.of(value.split(",")))
                .map(name -> name.strip().toLowerCase(Locale.ROOT))
                .filter(name -> !FRAMING.contains(name))
                .collect(Collectors.toSet());
        return fields.stream()
                .filter(field -> {
                    String name = field.name().toLowerCase(Locale.ROOT);
                    return !HOP.contains(name) && !named.contains(name);
                })
                .toList();
    }

    static byte[] write(String start, List<Field> fields) {
        StringBuilder text = new StringBuilder(start).append("\r\n");
        for (Field field : fields) {
            text.append(field.name()).append(": ").append(field.value()).append("\r\n");
        }
        return text.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
    }
}
