package io.athenic.e2b.protocol;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class ConnectFramesTest {
    @Test
    void framesRoundTrip() throws IOException {
        var bytes = new java.io.ByteArrayOutputStream();
        bytes.write(ConnectFrame.message("{}".getBytes(UTF_8)));
        bytes.write(ConnectFrame.end(new ConnectError(ConnectCode.NOT_FOUND, "no such process")));
        bytes.write(ConnectFrame.end(null));
        var frames = new ConnectFrames(new ByteArrayInputStream(bytes.toByteArray()), 1000);

        var first = frames.next();
        assertThat(first).isNotNull();
        assertThat(first == null ? new byte[0] : first.payload()).isEqualTo("{}".getBytes(UTF_8));
        var failed = frames.next();
        assertThat(failed == null ? null : failed.error())
                .isEqualTo(new ConnectError(ConnectCode.NOT_FOUND, "no such process"));
        var end = frames.next();
        assertThat(end != null && end.end() && end.error() == null).isTrue();
        assertThat(frames.next()).isNull();
    }

    @Test
    void lengthIsCheckedBeforeAllocation() {
        var huge = new byte[] {0, (byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff};

        assertThatThrownBy(() -> new ConnectFrames(new ByteArrayInputStream(huge), 1 << 20).next())
                .isInstanceOf(ConnectFrames.TooLargeException.class)
                .hasMessageContaining("4294967295");
    }

    @Test
    void cutStreamsAreErrors() {
        assertThatThrownBy(() -> new ConnectFrames(new ByteArrayInputStream(new byte[] {0, 0}), 10).next())
                .isInstanceOf(EOFException.class);
        assertThatThrownBy(() -> new ConnectFrames(new ByteArrayInputStream(new byte[] {0, 0, 0, 0, 4, 1}), 10).next())
                .isInstanceOf(EOFException.class);
    }

    @Test
    void codesMapToHttpAndBack() {
        assertThat(ConnectCode.RESOURCE_EXHAUSTED.httpStatus()).isEqualTo(429);
        assertThat(ConnectCode.ofWire("already_exists")).isEqualTo(ConnectCode.ALREADY_EXISTS);
        assertThat(ConnectCode.ofWire("nonsense")).isEqualTo(ConnectCode.UNKNOWN);
        assertThat(ConnectCode.ofHttp(502)).isEqualTo(ConnectCode.UNAVAILABLE);
    }
}
