package io.athenic.e2b.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AcceptsTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''|true|false|false",
                "gzip|true|true|true",
                "br, gzip, deflate|true|true|false",
                "gzip;q=0|true|false|false",
                "identity;q=0, gzip|false|true|true",
                "*;q=0|false|false|false",
                "*|true|true|false",
                "GZIP;q=0.5|true|true|true",
                "identity;q=0|false|false|false"
            })
    void headersAreReadAsTheStandardSays(String header, boolean identity, boolean gzip, boolean preferred) {
        assertThat(Accepts.of(header)).isEqualTo(new Accepts(identity, gzip, preferred));
    }
}
