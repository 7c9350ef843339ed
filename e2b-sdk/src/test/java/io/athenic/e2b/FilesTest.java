package io.athenic.e2b;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.athenic.e2b.protocol.EntryInfo;
import io.athenic.e2b.testing.FakeE2b;
import io.athenic.e2b.testing.FakeEnvd;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FilesTest {
    private FakeE2b e2b;
    private E2bClient client;
    private Files files;

    @BeforeEach
    void start() {
        e2b = FakeE2b.start();
        client = new E2bClient(E2bOptions.of(FakeE2b.KEY, e2b.url()));
        files = client.create().files();
    }

    @AfterEach
    void stop() {
        client.close();
        e2b.close();
    }

    @Test
    void whatIsWrittenIsRead() throws IOException {
        byte[] bytes = new byte[3_000_000];
        new Random(1).nextBytes(bytes);

        files.write("/home/user/a b&c.txt", "grüße");
        files.write("/home/user/big", bytes);
        files.write("/home/user/stream", () -> new ByteArrayInputStream(bytes));

        assertThat(files.read("/home/user/a b&c.txt")).isEqualTo("grüße");
        assertThat(files.readBytes("/home/user/big")).isEqualTo(bytes);
        try (InputStream in = files.readStream("/home/user/stream")) {
            assertThat(in.readAllBytes()).isEqualTo(bytes);
        }
    }

    @Test
    void aStreamMayBeClosedInTheMiddle() throws IOException {
        files.write("/big", new byte[30_000_000]);

        try (InputStream in = files.readStream("/big")) {
            assertThat(in.read()).isZero();
        }

        assertThat(files.exists("/big")).isTrue();
    }

    @Test
    void theTreeCanBeChanged() {
        assertThat(files.makeDir("/d")).isTrue();
        assertThat(files.makeDir("/d")).isFalse();
        files.write("/d/x", "1");
        files.rename("/d/x", "/d/y");

        assertThat(files.list("/d")).extracting(EntryInfo::name).containsExactly("y");
        assertThat(files.stat("/d/y").size()).isEqualTo(1);
        files.remove("/d");
        files.remove("/d");
        assertThat(files.exists("/d/y")).isFalse();
    }

    @Test
    void refusalsAreTyped() {
        assertThatThrownBy(() -> files.read("/none"))
                .isInstanceOf(FileNotFoundException.class)
                .hasMessageContaining("/none");
        assertThatThrownBy(() -> files.readStream("/none")).isInstanceOf(FileNotFoundException.class);
        assertThatThrownBy(() -> files.stat("/none")).isInstanceOf(FileNotFoundException.class);
        assertThatThrownBy(() -> files.write(FakeEnvd.FULL, "x")).isInstanceOf(NotEnoughSpaceException.class);
        files.makeDir("/dir");
        assertThatThrownBy(() -> files.read("/dir")).isInstanceOf(InvalidArgumentException.class);
    }
}
