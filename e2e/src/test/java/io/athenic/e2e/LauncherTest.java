package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.e2e.product.Command;
import io.athenic.e2e.product.Command.Outcome;
import io.athenic.e2e.product.Leftovers;
import io.athenic.e2e.product.Product;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./athenic}'s other commands, against the running server. */
@ExtendWith(ProductExtension.class)
class LauncherTest {
    private final Product product;

    LauncherTest(Product product) {
        this.product = product;
    }

    @Test
    void askRunsAFencedBlock() {
        Outcome asked = athenic("ask", "Run this:\n```python\nprint(6 * 7)\n```");

        assertThat(asked.status()).as(asked.all()).isZero();
        assertThat(asked.output()).containsPattern("(?m)^42$");
    }

    @Test
    void askRunsAPromptLine() {
        Outcome asked = athenic("ask", "$ echo from-the-shell; ls -la");

        assertThat(asked.status()).as(asked.all()).isZero();
        assertThat(asked.output()).contains("from-the-shell").contains("total ");
    }

    @Test
    void askDoesNotRunThanks() {
        Outcome asked = athenic("ask", "thanks!");

        assertThat(asked.status()).as(asked.all()).isZero();
        assertThat(asked.output()).isNotBlank();
        assertThat(asked.all()).doesNotContain("NameError", "SyntaxError", "command not found");
    }

    @Test
    void askOfAFailingProgramFails() {
        Outcome asked = athenic("ask", "```python\nraise SystemError('on purpose')\n```");

        assertThat(asked.status()).as(asked.all()).isNotZero();
        assertThat(asked.all()).contains("SystemError");
    }

    @Test
    void execRunsAFile(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(
                folder.resolve("program.py"), "import sys\nprint('out')\nprint('err', file=sys.stderr)\n");

        Outcome executed = athenic("exec", file.toString());

        assertThat(executed.status()).as(executed.all()).isZero();
        assertThat(executed.output()).isEqualTo("out\n");
        assertThat(executed.errors()).contains("err");
    }

    @Test
    void execOfAFailingProgramFails() {
        Outcome executed = athenicWithInput("print('before')\n1/0\n", "exec", "-");

        assertThat(executed.status()).as(executed.all()).isNotZero();
        assertThat(executed.output()).isEqualTo("before\n");
        assertThat(executed.errors()).contains("ZeroDivisionError");
    }

    @Test
    void execRunsBash(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("script.sh"), "for i in 1 2 3; do echo \"line $i\"; done\n");

        assertThat(athenic("exec", file.toString()).output()).isEqualTo("line 1\nline 2\nline 3\n");
        assertThat(athenicWithInput("echo $((6*7))\n", "exec", "-", "--language", "bash")
                        .output())
                .isEqualTo("42\n");
    }

    @Test
    void execOfAMissingFileSaysSo() {
        Outcome executed = athenic("exec", "/nosuch/file.py");

        assertThat(executed.status()).isNotZero();
        assertThat(executed.errors()).contains("/nosuch/file.py");
    }

    @Test
    void envPrintsExportsThatWork() {
        Outcome printed = athenic("env");
        assertThat(printed.status()).as(printed.all()).isZero();

        Outcome used = Command.of(
                        "bash",
                        "-c",
                        printed.output()
                                + "curl -s -o /dev/null -w '%{http_code}' -H \"X-API-KEY: $E2B_API_KEY\" $E2B_API_URL/v2/sandboxes && echo \" $E2B_SANDBOX_URL\"")
                .run(Duration.ofMinutes(2));

        assertThat(used.output()).isEqualTo("200 http://127.0.0.1:" + product.e2bPort() + "\n");
    }

    @Test
    void doctorFindsEverythingInOrder() {
        Outcome checked = athenic("doctor");

        assertThat(checked.status()).as(checked.all()).isZero();
        assertThat(checked.output())
                .doesNotContain("FAIL")
                .contains("http://127.0.0.1:" + product.port())
                .contains("code-interpreter");
    }

    @Test
    void commandsWithoutAServerBringTheirOwnAndLeaveNothing() {
        Path data = Product.newData();
        Leftovers leftovers = Leftovers.of(data);
        String script = Product.HOME.resolve("athenic").toString();

        Outcome asked = Command.of(script, "ask", "--data", data.toString(), "$ echo alone")
                .run(Duration.ofMinutes(2));
        Outcome executed = Command.of(script, "exec", "--data", data.toString(), "-")
                .input("import sys\nprint('no server')\nsys.exit(3)")
                .run(Duration.ofMinutes(2));
        Outcome exports = Command.of(script, "env", "--data", data.toString()).run(Duration.ofMinutes(2));
        List<String> left = leftovers.await(Duration.ofSeconds(60));
        Product.delete(data);

        assertThat(asked.status()).as(asked.all()).isZero();
        assertThat(asked.output()).containsPattern("(?m)^alone$");
        assertThat(executed.status()).as(executed.all()).isNotZero();
        assertThat(executed.output()).isEqualTo("no server\n");
        assertThat(exports.output()).contains("E2B_API_KEY=e2b_").contains("http://127.0.0.1:4002");
        assertThat(left).isEmpty();
    }

    @Test
    void unknownCommandIsRefusedWithHelp() {
        Outcome unknown = Command.of(Product.HOME.resolve("athenic").toString(), "frobnicate")
                .run(Duration.ofMinutes(2));

        assertThat(unknown.status()).isEqualTo(64);
        assertThat(unknown.errors()).contains("unknown command: frobnicate").contains("Usage:");
    }

    private Outcome athenic(String... words) {
        return athenicWithInput("", words);
    }

    /** {@code ./athenic COMMAND --data DIR …}: {@code --data} says which running server is meant. */
    private Outcome athenicWithInput(String input, String... words) {
        var line = new ArrayList<>(List.of(
                Product.HOME.resolve("athenic").toString(),
                words[0],
                "--data",
                product.data().toString()));
        line.addAll(List.of(words).subList(1, words.length));
        return Command.of(line).input(input).run(Duration.ofMinutes(2));
    }
}
