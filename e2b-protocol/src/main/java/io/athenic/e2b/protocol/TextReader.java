package io.athenic.e2b.protocol;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.deser.std.StdScalarDeserializer;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import java.io.IOException;

/** A string where a string is wanted, not a number made into one, and one that can be written as UTF-8. */
final class TextReader extends StdScalarDeserializer<String> {
    private static final long serialVersionUID = 1;

    TextReader() {
        super(String.class);
    }

    @Override
    public String deserialize(JsonParser in, DeserializationContext context) throws IOException {
        if (in.currentToken() != JsonToken.VALUE_STRING) {
            throw MismatchedInputException.from(in, String.class, "a string is expected");
        }
        var text = in.getText();
        if (!Json.isText(text)) {
            throw MismatchedInputException.from(in, String.class, "half of a surrogate pair is no text");
        }
        return text;
    }
}
