package io.athenic.chat.llm;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.langchain4j.exception.HttpException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import org.jspecify.annotations.Nullable;

/** Failures of a provider in words that say what to do. */
final class ModelErrors {

    private static final int DETAIL_CHARACTERS = 300;

    private ModelErrors() {}

    static ModelException explain(
            String label, ChatModelConfig.@Nullable Provider provider, @Nullable String key, Throwable error) {
        String keyVariable = provider == null ? "the API key" : provider.keyVariable();
        String urlVariable = provider == null ? "the model's address" : provider.urlVariable();
        HttpException http = find(error, HttpException.class);
        if (http != null) {
            return new ModelException(
                    http(label, keyVariable, http.statusCode()) + detail(http.getMessage(), key), error);
        }
        if (find(error, ConnectException.class) != null
                || find(error, HttpConnectTimeoutException.class) != null
                || find(error, UnresolvedAddressException.class) != null) {
            return new ModelException(
                    "The model " + label + " cannot be reached. Check the network and " + urlVariable + ".", error);
        }
        boolean unreadable = find(error, JsonProcessingException.class) != null;
        if (!unreadable && find(error, IOException.class) != null) {
            return new ModelException(
                    "The connection to the model " + label
                            + " broke before the answer was complete. Send the message again.",
                    error);
        }
        return new ModelException(
                "The model " + label + " sent an answer that cannot be read." + detail(error.getMessage(), key), error);
    }

    private static String http(String label, String keyVariable, int status) {
        return switch (status) {
            case 401, 403 ->
                "The provider refused the key for " + label + " (HTTP " + status + "). Check " + keyVariable + ".";
            case 404 -> "The provider does not know the model " + label + " (HTTP 404). Check ATHENIC_MODEL.";
            case 408, 504 -> "The model " + label + " took too long (HTTP " + status + "). Send the message again.";
            case 413 -> "The conversation is too long for the model " + label + " (HTTP 413). Start a new chat.";
            case 429 ->
                "The provider's rate limit or quota for " + label
                        + " is used up (HTTP 429). Wait a little, then send the" + " message again.";
            case 503, 529 ->
                "The model " + label + " is overloaded (HTTP " + status + "). Send the message again in a moment.";
            default ->
                status >= 500
                        ? "The model's provider failed (HTTP " + status + ", " + label + "). Send the message again."
                        : "The provider refused the request for " + label + " (HTTP " + status + ").";
        };
    }

    /** What the provider says, bounded, on one line, without the key. */
    private static String detail(@Nullable String text, @Nullable String key) {
        if (text == null || text.isBlank()) {
            return "";
        }
        String clean = key == null || key.isBlank() ? text : text.replace(key, "***");
        clean = clean.replaceAll("\\s+", " ").strip();
        if (clean.length() > DETAIL_CHARACTERS) {
            clean = clean.substring(0, DETAIL_CHARACTERS) + "…";
        }
        return " It says: " + clean;
    }

    private static <T extends Throwable> @Nullable T find(@Nullable Throwable error, Class<T> type) {
        Throwable cause = error;
        for (int depth = 0; cause != null && depth < 10; depth++) {
            if (type.isInstance(cause)) {
                return type.cast(cause);
            }
            cause = cause.getCause();
        }
        return null;
    }
}
