package io.athenic.engine;

import java.io.IOException;
import java.nio.channels.Channel;
import org.jspecify.annotations.Nullable;

/** Closing of what is of no more use. */
final class Closing {
    private Closing() {}

    /** Closes; a failure is of no interest, since nothing was waiting to be written. */
    static void quietly(@Nullable Channel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException _) {
                // The descriptor is released all the same.
            }
        }
    }
}
