package io.athenic.e2b.server.envd;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.athenic.e2b.server.http.HttpFailure;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MultipartTest {
    /** Hands out a few bytes at a time, as sockets do. */
    private static InputStream dripping(byte[] bytes, int seed) {
        var random = new Random(seed);
        return new ByteArrayInputStream(bytes) {
            @Override
            public int read(byte[] target, int offset, int length) {
                return super.read(target, offset, Math.min(length, 1 + random.nextInt(40)));
            }
        };
    }

    @Test
    void contentsSurviveAnySplit() throws IOException {
        for (var seed = 0; seed < 200; seed++) {
            var random = new Random(seed);
            var content = new byte[random.nextInt(500)];
            for (var i = 0; i < content.length; i++) {
                content[i] = (byte) "\r\n--Bx".charAt(random.nextInt(6));
            }
            var body = new ByteArrayOutputStream();
            body.writeBytes("preamble\r\n--B0\r\ncontent-disposition: form-data; filename=\"a;b\"; name=file\r\n\r\n"
                    .getBytes(UTF_8));
            body.writeBytes(content);
            body.writeBytes(
                    "\r\n--B0\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''d/%C3%A9+%20e\r\n\r\n\r\n--B0--\r\nepilogue"
                            .getBytes(UTF_8));
            var parts = new Multipart(dripping(body.toByteArray(), seed), "B0");

            var first = parts.next();
            if (first == null) {
                throw new AssertionError("no first part");
            }
            assertThat(first.name()).isEqualTo("file");
            assertThat(first.fileName()).isEqualTo("a;b");
            assertThat(first.content().readAllBytes()).as("seed " + seed).isEqualTo(content);
            var second = parts.next();
            if (second == null) {
                throw new AssertionError("no second part");
            }
            assertThat(second.fileName()).isEqualTo("d/é+ e");
            assertThat(parts.next()).isNull();
        }
    }

    @Test
    void endlessHeadersAndCutBodiesAreRefused() {
        var headers = new Multipart(new ByteArrayInputStream(("--B\r\n" + "x".repeat(100_000)).getBytes(UTF_8)), "B");
        assertThatThrownBy(headers::next).isInstanceOf(HttpFailure.class).hasMessageContaining("headers");
        var cut = new Multipart(new ByteArrayInputStream("--B\r\n\r\nabc".getBytes(UTF_8)), "B");
        assertThatThrownBy(() -> {
                    var part = cut.next();
                    if (part != null) {
                        part.content().readAllBytes();
                    }
                })
                .isInstanceOf(HttpFailure.class)
                .hasMessageContaining("last boundary");
    }

    @Test
    void byteRanges() {
        assertThat(FileDownloads.ByteRange.parse("bytes=0-0", 10)).isEqualTo(new FileDownloads.ByteRange(0, 1));
        assertThat(FileDownloads.ByteRange.parse("bytes=5-99", 10)).isEqualTo(new FileDownloads.ByteRange(5, 5));
        assertThat(FileDownloads.ByteRange.parse("bytes=-99", 10)).isEqualTo(new FileDownloads.ByteRange(0, 10));
        assertThat(FileDownloads.ByteRange.parse("bytes=0-1,3-4", 10)).isNull();
        assertThat(FileDownloads.ByteRange.parse("bytes=-", 10)).isNull();
        assertThat(FileDownloads.ByteRange.parse("bytes=4-2", 10)).isNull();
    }
}
