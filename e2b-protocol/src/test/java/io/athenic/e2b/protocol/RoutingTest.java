package io.athenic.e2b.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RoutingTest {
    @Test
    void hostNameDecidesWhereItHasTheForm() {
        assertThat(SandboxRoute.of("8080-iabc1.e2b.localhost:4002", "other", "49983"))
                .contains(new SandboxRoute("iabc1", 8080));
        assertThat(SandboxRoute.of("localhost:4002", "iabc1", "49999")).contains(new SandboxRoute("iabc1", 49999));
        assertThat(SandboxRoute.of("localhost:4002", "iabc1", null)).contains(new SandboxRoute("iabc1", E2b.ENVD_PORT));
        assertThat(SandboxRoute.of("localhost:4002", null, null)).isEmpty();
        assertThat(SandboxRoute.of("api.e2b.localhost", null, "1")).isEmpty();
    }

    @Test
    void badRoutesAreRefused() {
        assertThat(SandboxRoute.ofHost("99999-iabc.x")).isEmpty();
        assertThat(SandboxRoute.ofHost("0-iabc.x")).isEmpty();
        assertThat(SandboxRoute.ofHost("80-IABC.x")).isEmpty();
        assertThatThrownBy(() -> SandboxRoute.of("localhost", "../etc", "80"))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> SandboxRoute.of("localhost", "iabc", "0x50"))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> SandboxRoute.of("localhost", "iabc", "70000"))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void signatureIsTheHashThatTheSdkMakes() {
        // printf '%s' '/home/user/a:read:user:tok:1700000000' | openssl dgst -sha256 -binary | base64
        assertThat(Signatures.sign("/home/user/a", Signatures.Operation.READ, "user", "tok", 1700000000L))
                .isEqualTo("v1_XFyeWj/A+rFfkH0lndgoZ/4zbgMDoqNLxN9cbpIDOT0");
        assertThat(Signatures.sign("a", Signatures.Operation.WRITE, "", "tok", null))
                .isEqualTo("v1_w8rtgQdl70+aXHkqFLgagnFV5UL5l0vhT3Sa0dMx5kc");
        assertThat(Signatures.same("v1_a", "v1_b")).isFalse();
        assertThat(Signatures.same("v1_a", "v1_a")).isTrue();
    }

    @Test
    void metadataFilterUnwrapsTheSdksLayers() {
        var asSeen = "a%252520b%3Dc%252526d";

        var query = URLDecoder.decode(asSeen, StandardCharsets.UTF_8);

        assertThat(MetadataFilter.decode(query)).isEqualTo(Map.of("a b", "c&d"));
        assertThat(MetadataFilter.encode(Map.of("a b", "c&d"))).isEqualTo(query);
        assertThat(MetadataFilter.decode("k=v&k2=%2B")).isEqualTo(Map.of("k", "v", "k2", "+"));
        assertThatThrownBy(() -> MetadataFilter.decode("novalue")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> MetadataFilter.decode("a=%zz")).isInstanceOf(IllegalArgumentException.class);
    }
}
