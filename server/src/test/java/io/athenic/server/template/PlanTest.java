package io.athenic.server.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlanTest {
    private static Plan plan(String text) {
        return Plan.of(Definition.parse(text));
    }

    @Test
    void stepsComeInTheirOrderWhateverTheOrderInTheFile() {
        var plan = plan("""
                run = ["make", "make install"]
                user = "user"
                npm = ["@types/node"]
                pip = ["polars==1.*"]
                apt = ["ffmpeg", "sl"]
                workdir = "/srv"
                start = "serve"
                ready = "check"
                cpu = 2
                memory = "2 GiB"
                disk = "300MiB"
                [env]
                B = "2"
                A = "it's 1"
                [[files]]
                source = "app"
                target = "/srv/app"
                mode = "640"
                """);

        assertThat(plan.from()).isEqualTo("code-interpreter");
        assertThat(plan.steps())
                .extracting(Plan.Step::type)
                .containsExactly("ENV", "WORKDIR", "RUN", "RUN", "RUN", "RUN", "COPY", "RUN", "RUN", "USER");
        assertThat(plan.steps().get(0).args()).containsExactly("A", "it's 1", "B", "2");
        assertThat(plan.steps().get(2).args().getFirst()).contains("apt-get -qq install", " ffmpeg sl ");
        assertThat(plan.steps().get(3).args()).containsExactly("pip install --no-cache-dir 'polars==1.*'", "root");
        assertThat(plan.steps().get(6).args()).containsExactly("app", "/srv/app", "root", "640");
        assertThat(plan.start()).contains("serve");
        assertThat(List.of(plan.cpu(), plan.memoryMib(), plan.diskMib())).containsExactly(2, 2048, 300);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "name = 'a'\\npips = ['x'] | unknown key 'pips' (line 2): there is apt, cpu, disk",
                "[[files]]\\nsorce = 'x' | unknown key 'files[0].sorce' (line 2)",
                "apt = 'x' | key 'apt' (line 1) has a value of the wrong kind",
                "cpu = 1.5 | key 'cpu' (line 1) has a value of the wrong kind",
                "[env]\\nA = 1 | key 'env.A' (line 2) has a value of the wrong kind",
                "apt = [ | line 1: this is not TOML",
                "a = 1\\na = 2 | this is not TOML",
                "apt = ['--yes'] | apt holds '--yes'",
                "memory = '2GB' | memory must be a size such as",
                "cpu = 0 | cpu must be 1 to 1024",
                "workdir = 'srv' | workdir must be an absolute path",
                "ready = 'true' | start is missing",
                "run = [' '] | run holds an empty command",
                "[[files]]\\nsource = 'x' | each [[files]] needs source and target",
                "[[files]]\\nsource = '../x'\\ntarget = '/x' | must be below the definition's folder",
                "[[files]]\\nsource = '/x'\\ntarget = '/x' | must be below the definition's folder",
                "[[files]]\\nsource = 'x'\\ntarget = '/x'\\nmode = 'rw' | must be octal",
            })
    void whatIsWrongIsNamed(String text, String message) {
        var definition = text.replace("'", "\"").replace("\\n", "\n");
        assertThatThrownBy(() -> plan(definition))
                .isInstanceOf(DefinitionException.class)
                .hasMessageContaining(message);
    }

    @Test
    void theExamplesAreRight() throws IOException {
        var root = Stream.iterate(Path.of("").toAbsolutePath(), path -> path != null, Path::getParent)
                .map(path -> path.resolve("examples/templates"))
                .filter(Files::isDirectory)
                .findFirst()
                .orElseThrow();
        try (var files = Files.newDirectoryStream(root, "*.toml")) {
            for (var file : files) {
                assertThat(plan(Files.readString(file)).steps()).as("%s", file).isNotEmpty();
            }
        }
    }

    @Test
    void theSameFilesHaveTheSameHash(@TempDir Path folder) throws Exception {
        Files.createDirectories(folder.resolve("app/deep"));
        Files.writeString(folder.resolve("app/deep/one"), "1");
        String first;
        try (var archive = Archive.of(folder, "app")) {
            first = archive.hash();
        }
        Files.setLastModifiedTime(folder.resolve("app/deep/one"), java.nio.file.attribute.FileTime.fromMillis(0));

        try (var archive = Archive.of(folder, "app")) {
            assertThat(archive.hash()).isEqualTo(first);
        }
        Files.writeString(folder.resolve("app/deep/one"), "2");
        try (var archive = Archive.of(folder, "app")) {
            assertThat(archive.hash()).isNotEqualTo(first);
        }
        assertThatThrownBy(() -> Archive.of(folder, "nothing")).hasMessageContaining("there is no 'nothing'");
    }
}
