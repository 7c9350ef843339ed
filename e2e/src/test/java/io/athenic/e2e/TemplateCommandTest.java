package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.e2e.product.Command;
import io.athenic.e2e.product.Command.Outcome;
import io.athenic.e2e.product.Product;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./athenic template} against a running server, without network. */
@ExtendWith(ProductExtension.class)
class TemplateCommandTest {
    private final Product product;

    TemplateCommandTest(Product product) {
        this.product = product;
    }

    private Outcome template(String... words) {
        var command = new java.util.ArrayList<>(
                java.util.List.of(Product.HOME.resolve("athenic").toString(), "template"));
        command.addAll(java.util.List.of(words));
        command.addAll(java.util.List.of("--data", product.data().toString()));
        return Command.of(command).run(Duration.ofMinutes(4));
    }

    @Test
    void aDefinitionIsBuiltListedUsedAndDeleted(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("greeting.txt"), "hello from a file\n");
        Path definition = Files.writeString(folder.resolve("mine.toml"), """
                name = "mine"
                run = ["rm -rf /usr/lib/gcc /usr/share/perl /usr/share/nodejs", "echo $WORD >> /srv/greeting.txt"]
                [env]
                WORD = "built"
                [[files]]
                source = "greeting.txt"
                target = "/srv/greeting.txt"
                """);

        Outcome built = template("build", definition.toString());

        assertThat(built.status()).as(built.all()).isZero();
        assertThat(built.output()).contains("[4/4] RUN echo $WORD", "Template mine is ready");
        Outcome listed = template("list");
        assertThat(listed.output())
                .contains("code-interpreter", "mine")
                .containsPattern("trees take .* of at most 10240 MiB");
        Outcome deleted = template("delete", "mine");
        assertThat(deleted.status()).as(deleted.all()).isZero();
        assertThat(template("list").output()).doesNotContain("mine");
    }

    @Test
    void aWrongDefinitionIsRefusedWithItsLine(@TempDir Path folder) throws IOException {
        Path definition = Files.writeString(folder.resolve("wrong.toml"), "name = \"wrong\"\napts = [\"x\"]\n");

        Outcome built = template("build", definition.toString());

        assertThat(built.status()).isEqualTo(1);
        assertThat(built.errors()).contains("unknown key 'apts' (line 2)");
    }
}
