package io.athenic.server.template;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.type.LogicalType;
import com.fasterxml.jackson.dataformat.toml.TomlMapper;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A template's definition, as it is in its file (docs/TEMPLATES.md).
 *
 * @param run shell commands, as root
 * @param memory such as 512 MiB
 */
record Definition(
        @Nullable String name,
        @Nullable String from,
        @Nullable Map<String, String> env,
        @Nullable String workdir,
        @Nullable List<String> apt,
        @Nullable List<String> pip,
        @Nullable List<String> npm,
        @Nullable List<FileCopy> files,
        @Nullable List<String> run,
        @Nullable String user,
        @Nullable String start,
        @Nullable String ready,
        @Nullable Integer cpu,
        @Nullable String memory,
        @Nullable String disk) {

    /** @param source below the definition's folder */
    record FileCopy(
            @Nullable String source,
            @Nullable String target,
            @Nullable String owner,
            @Nullable String mode) {}

    private static final ObjectReader READER = TomlMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .withCoercionConfig(
                    LogicalType.Textual,
                    config -> config.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                            .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                            .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
            .build()
            .readerFor(Definition.class);

    /** @throws DefinitionException with the line or key, and what is possible there */
    static Definition parse(String text) {
        try {
            return READER.readValue(text);
        } catch (UnrecognizedPropertyException e) {
            throw new DefinitionException("unknown key '" + key(e) + "'" + line(text, e.getPropertyName())
                    + ": there is "
                    + Objects.requireNonNullElse(e.getKnownPropertyIds(), List.of()).stream()
                            .map(String::valueOf)
                            .sorted()
                            .collect(Collectors.joining(", ")));
        } catch (JsonMappingException e) {
            var last = e.getPath().isEmpty()
                    ? ""
                    : String.valueOf(e.getPath().getLast().getFieldName());
            throw new DefinitionException("key '" + key(e) + "'" + line(text, last)
                    + " has a value of the wrong kind: texts are \"…\", lists [\"…\"], numbers whole");
        } catch (JsonProcessingException e) {
            var place = e.getLocation() == null ? "" : "line " + e.getLocation().getLineNr() + ": ";
            throw new DefinitionException(place + "this is not TOML: " + e.getOriginalMessage());
        }
    }

    private static String key(JsonMappingException e) {
        return e.getPath().stream()
                .map(part -> part.getFieldName() == null ? "[" + part.getIndex() + "]" : part.getFieldName())
                .collect(Collectors.joining("."))
                .replace(".[", "[");
    }

    /** Where a key is written: TOML is read as a whole, so its parser knows no more. */
    private static String line(String text, @Nullable String key) {
        var lines = text.lines().toList();
        for (var i = 0; i < lines.size(); i++) {
            var line = lines.get(i).strip();
            if (key != null
                    && (line.matches("\"?" + java.util.regex.Pattern.quote(key) + "\"?\\s*=.*")
                            || line.matches("\\[+\\s*" + java.util.regex.Pattern.quote(key) + "\\s*\\]+.*"))) {
                return " (line " + (i + 1) + ")";
            }
        }
        return "";
    }
}
