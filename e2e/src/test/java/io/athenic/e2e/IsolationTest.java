package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2e.product.Product;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What code in a sandbox sees of the machine that it runs on. The engine's own tests try the escapes; these go through the whole product. */
@ExtendWith(ProductExtension.class)
class IsolationTest {
    private final Product product;
    private final Http http;
    private final String sandbox;

    IsolationTest(Product product) {
        this.product = product;
        this.http = new Http(product.port());
        this.sandbox = http.post("/create-sandbox", Map.of())
                .expect(200)
                .json()
                .path("sandboxId")
                .asText();
    }

    @AfterEach
    void closeSandbox() {
        http.post("/close-sandbox", Map.of("sandboxId", sandbox)).expect(200);
    }

    @Test
    void filesOfTheHostAreNotThere() throws IOException {
        Path secret = Files.createTempFile("athenic-e2e-", ".secret");
        try {
            JsonNode seen = probe("""
                    paths = ['%s', '%s', '/run/athenic', '/proc/1/root%s', '/work', '/var/lib/athenic']
                    report([path for path in paths if os.path.lexists(path)])
                    """.formatted(secret, product.data(), secret));

            assertThat(seen).isEmpty();
        } finally {
            Files.delete(secret);
        }
    }

    @Test
    void processesOfTheHostAreNotSeen() {
        JsonNode seen = probe("""
                lines = []
                for pid in filter(str.isdigit, os.listdir('/proc')):
                    try: lines.append(open(f'/proc/{pid}/cmdline').read().replace(chr(0), ' '))
                    except OSError: pass
                report(lines)
                """);

        assertThat(seen).isNotEmpty().hasSizeLessThan(12);
        assertThat(seen.toString())
                .doesNotContain("java", "roomd.py", "maven", product.data().toString());
    }

    @Test
    void secretsOfTheServersEnvironmentAreNowhere() {
        JsonNode seen = probe("""
                import glob
                found = [name for name, value in os.environ.items() if '%1$s' in value]
                for path in glob.glob('/proc/[0-9]*/environ'):
                    try:
                        if b'%1$s' in open(path, 'rb').read(): found.append(path)
                    except OSError: pass
                report(found)
                """.formatted(ProductExtension.CANARY));

        assertThat(seen).isEmpty();
    }

    @Test
    void networkEndsAtTheRoomsOwnLoopback() throws IOException {
        try (var listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            JsonNode seen = probe("""
                    import socket
                    reached = []
                    for address in [('127.0.0.1', %d), ('127.0.0.1', %d), ('127.0.0.1', %d), ('1.1.1.1', 53), ('169.254.169.254', 80), ('10.0.0.1', 80)]:
                        try:
                            socket.create_connection(address, timeout=2).close()
                            reached.append(address)
                        except OSError: pass
                    report({'reached': reached, 'interfaces': [name for _, name in socket.if_nameindex()]})
                    """.formatted(listener.getLocalPort(), product.port(), product.e2bPort()));

            assertThat(seen.path("reached")).isEmpty();
            assertThat(seen.path("interfaces")).extracting(JsonNode::asText).containsExactly("lo");
        }
    }

    @Test
    void codeRunsAsAnOrdinaryUserWhoseRootIsNotTheHosts() {
        JsonNode seen = probe("""
                import subprocess
                def attempt(*words): return subprocess.run(words, capture_output=True).returncode
                report({
                    'uid': os.getuid(),
                    'mapped': open('/proc/self/uid_map').read().split()[:2],
                    'mount': attempt('sudo', '-n', 'mount', '-t', 'tmpfs', 'none', '/mnt'),
                    'device': attempt('sudo', '-n', 'mknod', '/tmp/sda', 'b', '8', '0'),
                    'namespace': attempt('unshare', '-U', 'true'),
                    'module': attempt('sudo', '-n', 'insmod', '/dev/null'),
                    'hostname': attempt('sudo', '-n', 'dd', 'if=/dev/sda', 'of=/dev/null', 'count=1'),
                })
                """);

        assertThat(seen.path("uid").asInt()).isEqualTo(1000);
        assertThat(seen.at("/mapped/0").asText()).isEqualTo("0");
        assertThat(seen.at("/mapped/1").asLong()).isGreaterThan(65_535);
        for (String attempt : new String[] {"mount", "device", "namespace", "module", "hostname"}) {
            assertThat(seen.path(attempt).asInt()).as(attempt).isNotZero();
        }
    }

    @Test
    void neighboursSeeNothingOfEachOther() {
        String neighbour = http.post("/create-sandbox", Map.of())
                .expect(200)
                .json()
                .path("sandboxId")
                .asText();
        try {
            http.python(
                    "import subprocess\nopen('/tmp/mine', 'w').write('x')\nopen('/dev/shm/mine', 'w').write('x')\nsleeper = subprocess.Popen(['sleep', '4711'])",
                    neighbour);

            JsonNode seen = probe("""
                    import subprocess
                    report({'files': [p for p in ('/tmp/mine', '/dev/shm/mine') if os.path.exists(p)], 'processes': subprocess.run(['pgrep', '-f', '4711'], capture_output=True, text=True).stdout})
                    """);

            assertThat(seen.path("files")).isEmpty();
            assertThat(seen.path("processes").asText()).isEmpty();
        } finally {
            http.post("/close-sandbox", Map.of("sandboxId", neighbour)).expect(200);
        }
    }

    @Test
    void forkBombAndMemoryHogStayInTheirRoom() {
        http.post("/execute", Map.of("sandboxId", sandbox, "code", """
                import os, time
                children = 0
                try:
                    while True:
                        if os.fork() == 0:
                            time.sleep(5)
                            os._exit(0)
                        children += 1
                except OSError as refused:
                    print('refused')
                """)).expect(200);
        http.post("/execute", Map.of("code", "x = []\nwhile True: x.append(bytearray(64 << 20))", "timeout", 60_000))
                .expect(200);

        assertThat(Http.stdout(http.python("print('others go on')"))).isEqualTo("others go on\n");
    }

    /** Runs Python that calls {@code report(value)} once, and gives back the value. */
    private JsonNode probe(String code) {
        String printed = Http.stdout(
                http.python("import json, os\ndef report(value): print(json.dumps(value))\n" + code, sandbox));
        try {
            return Http.JSON.readTree(printed);
        } catch (IOException e) {
            throw new AssertionError("no JSON: " + printed, e);
        }
    }
}
