package io.athenic.e2b.server.relay;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UpstreamReaderTest {
    private static UpstreamReader reader(String text) {
        return new UpstreamReader(new ByteArrayInputStream(text.getBytes(UTF_8)));
    }

    private static String body(String text) throws IOException {
        var reader = reader(text);
        return new String(reader.body(reader.head()).readAllBytes(), UTF_8);
    }

    @Test
    void threeFramings() throws IOException {
        assertThat(body("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef")).isEqualTo("abc");
        assertThat(body("HTTP/1.0 200\r\n\r\nto the end")).isEqualTo("to the end");
        assertThat(
                        body(
                                "HTTP/1.1 200 OK\nTransfer-Encoding: Chunked\n\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\nmore"))
                .isEqualTo("abcde");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "SSH-2.0\r\n\r\n",
                "HTTP/1.1 2x0 OK\r\n\r\n",
                "HTTP/1.1 200 OK\r\n folded\r\n\r\n",
                "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"
            })
    void malformedAnswersAreErrors(String text) {
        assertThatThrownBy(() -> body(text)).isInstanceOf(UpstreamException.class);
    }

    @Test
    void headsAreBounded() {
        assertThatThrownBy(() -> body("HTTP/1.1 200 OK\r\nX: " + "a".repeat(70_000)))
                .isInstanceOf(UpstreamException.class)
                .hasMessageContaining("larger");
    }
}
