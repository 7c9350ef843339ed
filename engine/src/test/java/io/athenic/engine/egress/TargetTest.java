package io.athenic.engine.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class TargetTest {
    @ParameterizedTest
    @CsvSource({
        "example.com:443, example.com, 443",
        "EXAMPLE.Com.:443, example.com, 443",
        "xn--bcher-kva.example:80, xn--bcher-kva.example, 80",
        "192.0.2.1:80, 192.0.2.1, 80",
        "[2001:DB8::1]:443, 2001:db8:0:0:0:0:0:1, 443",
        "[::ffff:127.0.0.1]:80, 127.0.0.1, 80",
    })
    void oneFormForEachHost(String authority, String host, int port) throws Refusal {
        Target target = Target.parse(authority, 0);

        assertThat(target.host()).isEqualTo(host);
        assertThat(target.port()).isEqualTo(port);
        assertThat(target.literal().isPresent()).isEqualTo(host.matches("[\\d.]+|.*:.*"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0x7f.1:80",
                "0x7f000001:80",
                "2130706433:80",
                "127.1:80",
                "0177.0.0.1:80",
                "127.0.0.1.:80",
                "1.2.3:80",
                "127.0.0.256:80",
                "017700000001:80",
                "example.0x1:80",
                "[fe80::1%25eth0]:80",
                "[fe80::1%eth0]:80",
                "::1:80",
                "[127.0.0.1]:80",
                "[example.com]:80",
                "[::1:80",
                "example.com",
                "example.com:",
                "example.com:0",
                "example.com:65536",
                "example.com:8x",
                "user@example.com:80",
                "a:b@example.com:80",
                "exa mple.com:80",
                "..:80",
                ":80",
                "a..b:80",
                "-a.example:80",
                "a%00.example:80",
                "bücher.example:80",
                "example.com:80:80",
                "example.com/:80",
                "example.com\\@x:80"
            })
    void otherFormsAreRefused(String authority) {
        assertThatThrownBy(() -> Target.parse(authority, 0)).as(authority).isInstanceOf(Refusal.class);
    }
}
