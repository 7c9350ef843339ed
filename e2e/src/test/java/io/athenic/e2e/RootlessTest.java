package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole product without root: what is weaker is said, what is not holds, and nothing stays. */
class RootlessTest {
    private static final Duration START = Duration.ofMinutes(8);
    private static final OrdinaryUser USER = new OrdinaryUser();

    @AfterAll
    static void removeUser() {
        USER.close();
    }

    @Test
    void anOrdinaryUserRunsItAndLeavesNothing(@TempDir Path folder) throws Exception {
        Path log = folder.resolve("run.log");
        Process launcher = USER.start(log, "run", "--rootless", "--port", "0", "--e2b-port", "0");
        try {
            var http = new Http(OrdinaryUser.await(launcher, log, START));

            assertThat(Files.readString(log)).contains("Weaker on this machine: rootless: ");
            assertThat(http.get("/api/status").json().at("/engine/notes").toString())
                    .contains("share one range of user ids");
            assertThat(Http.stdout(http.python("print(6 * 7)"))).isEqualTo("42\n");
            twoSandboxesSeeNeitherEachOtherNorTheUser(http);
        } finally {
            OrdinaryUser.interrupt(launcher);
            assertThat(launcher.waitFor(120, TimeUnit.SECONDS)).isTrue();
        }

        assertThat(launcher.exitValue()).as(Files.readString(log)).isEqualTo(130);
        assertThat(USER.awaitNoProcesses()).isEmpty();
        assertThat(USER.runtime()).doesNotExist();
    }

    @Test
    void sandboxesOutliveAKilledServerAndNothingOutlivesTheLauncher(@TempDir Path folder) throws Exception {
        Path log = folder.resolve("run.log");
        Process launcher = USER.start(log, "run", "--rootless", "--port", "0", "--e2b-port", "0");
        try {
            var http = new Http(OrdinaryUser.await(launcher, log, START));
            String sandbox = sandbox(http);
            http.python("kept = 41", sandbox);
            long server = USER.processes().entrySet().stream()
                    .filter(process -> process.getValue().contains("athenic.jar serve"))
                    .findFirst()
                    .orElseThrow()
                    .getKey();

            ProcessHandle.of(server).orElseThrow().destroyForcibly();

            http.awaitAnswer(Duration.ofSeconds(60));
            assertThat(Http.stdout(http.python("print(kept + 1)", sandbox))).isEqualTo("42\n");
        } finally {
            OrdinaryUser.interrupt(launcher);
            assertThat(launcher.waitFor(120, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(USER.awaitNoProcesses()).isEmpty();
        assertThat(USER.runtime()).doesNotExist();
    }

    private static void twoSandboxesSeeNeitherEachOtherNorTheUser(Http http) throws IOException {
        String first = sandbox(http);
        String second = sandbox(http);

        http.python(
                "import subprocess\nopen('/tmp/mine', 'w').write('x')\nsleeper = subprocess.Popen(['sleep', '4711'])",
                first);
        JsonNode seen = Http.JSON.readTree(
                Http.stdout(http.python("""
                import json, os, subprocess
                def out(*words): return subprocess.run(words, capture_output=True, text=True).stdout
                print(json.dumps({
                    'paths': [path for path in ('/tmp/mine', '%s', '%s', '/proc/1/root%s') if os.path.lexists(path)],
                    'processes': out('pgrep', '-f', '4711'),
                    'root': out('sudo', '-n', 'id', '-u').strip(),
                    'mapped': [line.split() for line in open('/proc/self/uid_map')],
                }))
                """.formatted(USER.key(), USER.home(), USER.key()), second)));

        assertThat(seen.path("paths")).isEmpty();
        assertThat(seen.path("processes").asText()).isEmpty();
        assertThat(seen.path("root").asText()).isEqualTo("0");
        assertThat(seen.at("/mapped/0/1").asInt())
                .as("the user's own id is 0 there")
                .isPositive();
    }

    private static String sandbox(Http http) {
        return http.post("/create-sandbox", Map.of())
                .expect(200)
                .json()
                .path("sandboxId")
                .asText();
    }
}
