package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.deser.std.StdScalarDeserializer;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.ser.std.StdScalarSerializer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import org.jspecify.annotations.Nullable;

/**
 * The one JSON codec of the protocol: unknown fields are ignored, null fields are left out, times are RFC 3339 in UTC,
 * and nesting, numbers and names are bounded (a peer is not trusted). The size of a document is bounded by its reader.
 */
public final class Json {
    /** Deepest nesting that is read. */
    public static final int MAX_DEPTH = 64;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .maxNumberLength(100)
                            .maxNameLength(4096)
                            .maxStringLength(128 << 20)
                            .build())
                    .build())
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .defaultPropertyInclusion(
                    JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.ALWAYS))
            .addModule(new SimpleModule()
                    .addSerializer(Instant.class, new InstantWriter())
                    .addDeserializer(Instant.class, new InstantReader()))
            .build();

    /** For what clients ask: nothing is guessed. */
    private static final JsonMapper REQUESTS = MAPPER.rebuild()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .addModule(new SimpleModule("requests").addDeserializer(String.class, new TextReader()))
            .build();

    private Json() {}

    /**
     * Reads what a client asks for: a value of another type than the field's and a field that is there twice are errors.
     *
     * @throws JsonException the bytes are not JSON, or not of that shape; the message names the field
     */
    public static <T> T request(byte[] json, Class<T> type) {
        try {
            return present(REQUESTS.readValue(json, type));
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** Whether it can be written as UTF-8: JSON's escapes can name halves of surrogate pairs. */
    public static boolean isText(String text) {
        for (var i = 0; i < text.length(); i++) {
            var c = text.charAt(i);
            if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(c)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Reads a value.
     *
     * @throws JsonException the bytes are not JSON, or not of that shape
     */
    public static <T> T read(byte[] json, Class<T> type) {
        try {
            return present(MAPPER.readValue(json, type));
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /**
     * Reads a value.
     *
     * @throws JsonException the text is not JSON, or not of that shape
     */
    public static <T> T read(String json, Class<T> type) {
        return read(json.getBytes(StandardCharsets.UTF_8), type);
    }

    /**
     * Reads a value.
     *
     * @throws JsonException the bytes are not JSON, or not of that shape
     */
    public static <T> T read(byte[] json, TypeReference<T> type) {
        try {
            return present(MAPPER.readValue(json, type));
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /**
     * Reads an object as a tree.
     *
     * @throws JsonException the bytes are not a JSON object
     */
    public static ObjectNode readObject(byte[] json) {
        if (read(json, JsonNode.class) instanceof ObjectNode object) {
            return object;
        }
        throw new JsonException("a JSON object is expected");
    }

    /**
     * Reads a value out of a tree.
     *
     * @throws JsonException the tree is not of that shape
     */
    public static <T> T convert(JsonNode tree, Class<T> type) {
        try {
            return present(MAPPER.treeToValue(tree, type));
        } catch (IOException e) {
            throw failure(e);
        }
    }

    public static byte[] write(Object value) {
        try {
            return MAPPER.writeValueAsBytes(value);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("cannot be written as JSON: " + value.getClass(), e);
        }
    }

    public static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    private static <T> T present(@Nullable T value) {
        if (value == null) {
            throw new JsonException("null where a value is expected");
        }
        return value;
    }

    /** Only the position and the kind of fault: the text itself may hold secrets. */
    private static JsonException failure(IOException e) {
        if (e instanceof JsonProcessingException json) {
            var cause = json.getCause();
            if (cause instanceof IllegalArgumentException && cause.getMessage() != null) {
                return new JsonException(cause.getMessage());
            }
            if (json instanceof JsonMappingException mapping && !(cause instanceof JsonProcessingException)) {
                return new JsonException(shape(mapping));
            }
            var at = json.getLocation();
            var where = at == null ? "" : " (line " + at.getLineNr() + ", column " + at.getColumnNr() + ")";
            return new JsonException(firstLine(json.getOriginalMessage()) + where);
        }
        return new JsonException("unreadable JSON");
    }

    /** Where the shape is wrong, without the Java types that Jackson's message names. */
    private static String shape(JsonMappingException e) {
        var path = new StringBuilder();
        for (var step : e.getPath()) {
            var name = step.getFieldName();
            path.append(name == null ? "[" + step.getIndex() + "]" : (path.isEmpty() ? "" : ".") + name);
        }
        var where = path.isEmpty() ? "the value" : "'" + (path.length() > 100 ? path.substring(0, 100) : path) + "'";
        var why = e instanceof MismatchedInputException ? firstLine(e.getOriginalMessage()) : "";
        return where + " is not of the type that is expected there"
                + (why.startsWith("a string") || why.startsWith("half") || why.startsWith("not an") ? ": " + why : "");
    }

    private static String firstLine(@Nullable String message) {
        if (message == null) {
            return "malformed JSON";
        }
        var line = message.lines().findFirst().orElse("malformed JSON");
        // Jackson names Java types; a client has no use for them.
        var type = line.indexOf("of type `");
        var text = type >= 0 ? line.substring(0, type).strip() + " the expected type" : line;
        return text.length() > 200 ? text.substring(0, 200) : text;
    }

    private static final class InstantWriter extends StdScalarSerializer<Instant> {
        private static final long serialVersionUID = 1;

        InstantWriter() {
            super(Instant.class);
        }

        @Override
        public void serialize(Instant value, JsonGenerator out, SerializerProvider provider) throws IOException {
            out.writeString(value.toString());
        }
    }

    private static final class InstantReader extends StdScalarDeserializer<Instant> {
        private static final long serialVersionUID = 1;

        InstantReader() {
            super(Instant.class);
        }

        @Override
        public Instant deserialize(JsonParser in, DeserializationContext context) throws IOException {
            var text = in.getValueAsString("");
            try {
                return OffsetDateTime.parse(text).toInstant();
            } catch (DateTimeException e) {
                throw context.weirdStringException(text, Instant.class, "not an RFC 3339 time");
            }
        }
    }
}
