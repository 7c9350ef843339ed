package io.athenic.engine.egress;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import org.junit.jupiter.api.Test;

final class ClientHelloTest {
    /** As a real client sends it. */
    private static byte[] hello(String... names) throws Exception {
        SSLEngine engine = SSLContext.getDefault().createSSLEngine();
        engine.setUseClientMode(true);
        SSLParameters parameters = engine.getSSLParameters();
        if (names.length > 0) {
            parameters.setServerNames(List.of(new SNIHostName(names[0])));
        }
        engine.setSSLParameters(parameters);
        ByteBuffer out = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
        engine.wrap(ByteBuffer.allocate(0), out);
        byte[] bytes = new byte[out.flip().remaining()];
        out.get(bytes);
        return bytes;
    }

    private static ClientHello.Seen read(byte[] bytes, int length) {
        return ClientHello.read(ByteBuffer.wrap(bytes, 0, length));
    }

    @Test
    void theNameOfARealHello() throws Exception {
        byte[] hello = hello("Web.Example.com");

        assertThat(read(hello, hello.length)).isEqualTo(new ClientHello.Seen.Hello("web.example.com"));
        for (int length = 0; length < hello.length; length++) {
            assertThat(read(hello, length)).isEqualTo(new ClientHello.Seen.Part());
        }
    }

    @Test
    void aHelloInManyRecords() throws Exception {
        byte[] hello = hello("web.example.com");
        ByteBuffer split = ByteBuffer.allocate(hello.length * 6);
        for (int i = 5; i < hello.length; i++) {
            split.put(new byte[] {22, 3, 1, 0, 1, hello[i]});
        }

        assertThat(read(split.array(), split.position())).isEqualTo(new ClientHello.Seen.Hello("web.example.com"));
    }

    @Test
    void noNameAndNoTls() throws Exception {
        byte[] hello = hello();

        assertThat(read(hello, hello.length)).isEqualTo(new ClientHello.Seen.Hello(null));
        assertThat(read("SSH-2.0-x\r\n".getBytes(StandardCharsets.US_ASCII), 11))
                .isEqualTo(new ClientHello.Seen.Other());
    }

    @Test
    void brokenHellosAreUnreadableAndNeverAnException() throws Exception {
        byte[] hello = hello("web.example.com");
        Random random = new Random(7);
        for (int round = 0; round < 20_000; round++) {
            byte[] broken = hello.clone();
            for (int i = 0; i <= random.nextInt(4); i++) {
                broken[random.nextInt(broken.length)] = (byte) random.nextInt();
            }
            ClientHello.Seen seen = read(broken, 1 + random.nextInt(broken.length));
            assertThat(seen).isNotNull();
        }
        hello[0] = 22;
        hello[1] = 2;
        assertThat(read(hello, hello.length)).isEqualTo(new ClientHello.Seen.Unreadable());
        assertThat(read(new byte[] {22, 3, 1, 0, 4, 1, (byte) 0xff, (byte) 0xff, (byte) 0xff}, 9))
                .isEqualTo(new ClientHello.Seen.Unreadable());
    }
}
