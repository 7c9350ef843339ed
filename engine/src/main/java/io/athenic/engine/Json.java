package io.athenic.engine;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** JSON of guests and of roomd: bounded in depth, in size and in the number of values, since a tree costs far more than its text. */
final class Json {
    /** A message may be this deep; docs/PROTOCOL.md, section 1. */
    static final int MAX_DEPTH = 64;

    /** Longest joined message; docs/PROTOCOL.md, section 4. */
    static final int MAX_BYTES = 32 << 20;

    /** A tree node costs about 60 bytes: this bounds a message's tree to some tens of MiB besides its texts. */
    static final int MAX_TOKENS = 1_000_000;

    private static final ObjectMapper MAPPER = new ObjectMapper(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .maxStringLength(MAX_BYTES)
                            .maxDocumentLength(MAX_BYTES + 1024)
                            .maxTokenCount(MAX_TOKENS)
                            .maxNameLength(10_000)
                            .build())
                    .configure(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION, false)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private Json() {}

    static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    static byte[] bytes(JsonNode node) {
        try {
            return MAPPER.writeValueAsBytes(node);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The object in the bytes. */
    static ObjectNode parse(byte[] bytes) throws IOException {
        JsonNode node = MAPPER.readTree(bytes);
        if (node instanceof ObjectNode object) {
            return object;
        }
        throw new IOException("a JSON object was expected");
    }

    static ObjectNode stringMap(Map<String, String> map) {
        ObjectNode node = object();
        map.forEach(node::put);
        return node;
    }

    /** The texts of a map that a guest sent; other values are left out. */
    static Map<String, String> strings(JsonNode node) {
        Map<String, String> map = new LinkedHashMap<>();
        node.properties().forEach(property -> {
            if (property.getValue().isTextual()) {
                map.put(property.getKey(), property.getValue().textValue());
            }
        });
        return map;
    }

    static String text(JsonNode node, String field) {
        return node.path(field).asText("");
    }

    static Optional<String> optionalText(JsonNode node, String field) {
        JsonNode value = node.path(field);
        return value.isTextual() ? Optional.of(value.textValue()) : Optional.empty();
    }

    /** The number of a field, or a refusal: a guest's number is never guessed. */
    static long number(JsonNode node, String field) {
        JsonNode value = node.path(field);
        if (!value.isIntegralNumber() || !value.canConvertToLong()) {
            throw new EngineException(ErrorCode.INTERNAL, "the sandbox sent no number as " + field);
        }
        return value.longValue();
    }

    static int integer(JsonNode node, String field) {
        long value = number(node, field);
        if (value < Integer.MIN_VALUE || value > Integer.MAX_VALUE) {
            throw new EngineException(ErrorCode.INTERNAL, "the sandbox sent a number out of range as " + field);
        }
        return (int) value;
    }
}
