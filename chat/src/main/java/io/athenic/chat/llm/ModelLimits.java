package io.athenic.chat.llm;

import java.time.Duration;

/**
 * How long a model may be silent.
 *
 * @param connect until the connection stands
 * @param firstToken from the request to the first piece of the answer
 * @param betweenTokens between two pieces
 */
public record ModelLimits(Duration connect, Duration firstToken, Duration betweenTokens) {

    public static final ModelLimits DEFAULT =
            new ModelLimits(Duration.ofSeconds(10), Duration.ofSeconds(60), Duration.ofSeconds(60));

    public ModelLimits {
        requirePositive("connect", connect);
        requirePositive("firstToken", firstToken);
        requirePositive("betweenTokens", betweenTokens);
    }

    private static void requirePositive(String name, Duration value) {
        if (value.isNegative() || value.isZero()) {
            throw new IllegalArgumentException(name + " must be positive: " + value);
        }
    }
}
