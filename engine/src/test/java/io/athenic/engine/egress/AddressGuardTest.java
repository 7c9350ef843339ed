package io.athenic.engine.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class AddressGuardTest {
    private static InetAddress address(String text) {
        return InetAddress.ofLiteral(text);
    }

    private static AddressGuard guard(String exceptions, String... own) {
        Set<InetAddress> addresses =
                Set.copyOf(List.of(own).stream().map(AddressGuardTest::address).toList());
        return new AddressGuard(Rule.parseAll(exceptions), () -> addresses);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0.0.0.0",
                "0.1.2.3",
                "10.0.0.1",
                "10.255.255.255",
                "100.64.0.1",
                "100.100.100.200",
                "100.127.255.254",
                "127.0.0.1",
                "127.255.255.254",
                "168.63.129.16",
                "169.254.169.254",
                "169.254.170.2",
                "172.16.0.1",
                "172.31.255.255",
                "192.0.0.192",
                "192.88.99.1",
                "192.168.0.1",
                "198.18.0.1",
                "198.19.255.255",
                "224.0.0.1",
                "239.255.255.255",
                "240.0.0.1",
                "255.255.255.255",
                "::",
                "::1",
                "::127.0.0.1",
                "64:ff9b::7f00:1",
                "64:ff9b::a9fe:a9fe",
                "64:ff9b:1::1",
                "100::1",
                "2001::1",
                "2001:20::1",
                "2002:7f00:1::",
                "fc00::1",
                "fd00:ec2::254",
                "fe80::1",
                "fec0::1",
                "ff02::1",
                "4000::1"
            })
    void neverReached(String text) {
        assertThat(guard("").refusal(address(text), 443)).as(text).isPresent();
    }

    /** Java makes such an address of IPv6 only when it is told to: the bytes as they might come from a name server. */
    @Test
    void mappedAddressesAreNeverReached() throws UnknownHostException {
        byte[] mapped = new byte[16];
        mapped[10] = (byte) 0xff;
        mapped[11] = (byte) 0xff;
        mapped[12] = 8;
        mapped[13] = 8;

        assertThat(guard("").refusal(java.net.Inet6Address.getByAddress(null, mapped, 0), 443))
                .isPresent();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1.1.1.1",
                "8.8.8.8",
                "100.63.255.255",
                "100.128.0.1",
                "172.15.255.255",
                "172.32.0.1",
                "192.0.2.7",
                "198.51.100.7",
                "203.0.113.80",
                "192.167.255.255",
                "223.255.255.255",
                "2606:4700::1111",
                "2a00:1450::1"
            })
    void publicAddressesAreReached(String text) {
        assertThat(guard("").refusal(address(text), 443)).as(text).isEmpty();
    }

    @Test
    void theMachinesOwnPublicAddressIsNeverReached() {
        AddressGuard guard = guard("", "203.0.113.9", "2a00::9");

        assertThat(guard.refusal(address("203.0.113.9"), 443)).isPresent();
        assertThat(guard.refusal(address("2a00::9"), 443)).isPresent();
        assertThat(guard.refusal(address("203.0.113.10"), 443)).isEmpty();
    }

    @Test
    void realInterfacesAreKnown() {
        assertThat(AddressGuard.interfaces().get()).contains(address("127.0.0.1"));
    }

    @Test
    void anExceptionOpensWhatItNamesAndNoMore() {
        AddressGuard guard = guard("10.1.0.0/16 10.2.0.1:8081 127.0.0.1:9000 10.3.0.0/24", "10.3.0.5");

        assertThat(guard.refusal(address("10.1.2.3"), 443)).isEmpty();
        assertThat(guard.refusal(address("10.2.0.1"), 8081)).isEmpty();
        assertThat(guard.refusal(address("10.2.0.1"), 443)).isPresent();
        assertThat(guard.refusal(address("10.2.0.2"), 8081)).isPresent();
        assertThat(guard.refusal(address("127.0.0.1"), 9000)).isEmpty();
        assertThat(guard.refusal(address("127.0.0.1"), 4000)).isPresent();
        assertThat(guard.refusal(address("10.3.0.4"), 443)).isEmpty();
        // A block does not open the machine itself: address and port must be named.
        assertThat(guard.refusal(address("10.3.0.5"), 443)).isPresent();
        assertThat(guard("127.0.0.0/8 127.0.0.1").refusal(address("127.0.0.1"), 80))
                .isPresent();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "example.com",
                "*.example.com",
                "EXAMPLE.com:8443",
                "192.0.2.0/24",
                "192.0.2.1:80",
                "2001:db8::/32",
                "[2001:db8::1]:443",
                "[2001:db8::/32]:443",
                "*",
                "*:443",
                "0.0.0.0/0",
                "bücher.example",
                "a_b.example"
            })
    void rules(String text) {
        assertThat(Rule.parse(text).text()).isNotEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "http://example.com",
                "example.com/path",
                "example.com:",
                "example.com:0",
                "example.com:65536",
                "10.0.0.0/33",
                "10.0.0",
                "127.1",
                "0x7f000001",
                "*.*",
                "*foo",
                "a..b",
                "-a",
                "[::1",
                "[::1]x",
                "user@host",
                "fe80::1%eth0",
                "exa mple.com:99999"
            })
    void wrongRulesAreRefused(String text) {
        assertThatThrownBy(() -> Rule.parse(text)).isInstanceOf(EgressException.class);
    }

    @Test
    void wildcardsCoverEveryDepthAndNotTheDomainItself() {
        Rule rule = Rule.parse("*.Example.com:443");

        assertThat(rule.matches("a.example.com", null, 443)).isTrue();
        assertThat(rule.matches("a.b.example.com", null, 443)).isTrue();
        assertThat(rule.matches("a.example.com", null, 80)).isFalse();
        assertThat(rule.matches("example.com", null, 443)).isFalse();
        assertThat(rule.matches("badexample.com", null, 443)).isFalse();
        assertThat(Rule.parse("bücher.example").matches("xn--bcher-kva.example", null, 80))
                .isTrue();
    }
}
