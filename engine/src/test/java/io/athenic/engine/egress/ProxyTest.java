package io.athenic.engine.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The proxy on real sockets, with programs and servers of which the test sends every byte. */
final class ProxyTest {
    private static final Duration SOON = Duration.ofMinutes(1);
    private static final NetworkPolicy ALL = new NetworkPolicy(List.of(), List.of(), true);

    private final ConcurrentLinkedQueue<String> asked = new ConcurrentLinkedQueue<>();
    private RawServer server;
    private ProxyFixture fixture;

    @BeforeEach
    void start() throws IOException {
        server = new RawServer();
        fixture = new ProxyFixture(config(), this::resolve, ALL);
    }

    @AfterEach
    void stop() throws IOException {
        fixture.close();
        server.close();
    }

    private EgressConfig config() {
        return EgressConfig.of(EgressConfig.Mode.ON)
                .withRules(
                        List.of(),
                        Rule.parseAll("banned.test *.banned.test"),
                        Set.of(80, 443),
                        Rule.parseAll("127.0.0.1:" + server.port()));
    }

    private List<InetAddress> resolve(String host) throws UnknownHostException {
        asked.add(host);
        return switch (host) {
            case "web.test", "other.test", "banned.test" -> List.of(ProxyFixture.LOOPBACK);
            case "private.test" -> List.of(InetAddress.ofLiteral("10.1.2.3"));
            case "mixed.test" -> List.of(InetAddress.ofLiteral("169.254.169.254"), ProxyFixture.LOOPBACK);
            default -> throw new UnknownHostException(host);
        };
    }

    private void use(EgressConfig config, NetworkPolicy policy) throws IOException {
        fixture.close();
        fixture = new ProxyFixture(config, this::resolve, policy);
    }

    private NetworkEvent lastEvent() {
        return fixture.proxy().events().getLast();
    }

    /** What a server reads of a request: its head, and so much more. */
    private static String read(InputStream in, int bodyBytes) throws IOException {
        StringBuilder text = new StringBuilder();
        while (text.indexOf("\r\n\r\n") < 0) {
            int next = in.read();
            assertThat(next).as("end in a head: " + text).isNotNegative();
            text.append((char) next);
        }
        return text.append(new String(in.readNBytes(bodyBytes), StandardCharsets.ISO_8859_1))
                .toString();
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private String plain(String rest) {
        return "http://web.test:" + server.port() + rest;
    }

    @Test
    void aPlainRequestIsRewrittenForItsServerAndCarriesNothingOfThisHop() throws Exception {
        try (Socket program = fixture.connect()) {
            write(
                    program,
                    "POST " + plain("/a/b?c=d#e") + " HTTP/1.1\r\n"
                            + "Host: evil.test\r\n"
                            + "Proxy-Authorization: x\r\n"
                            + "Connection: keep-alive, X-Hop\r\n"
                            + "X-Hop: 1\r\n"
                            + "Keep-Alive: 5\r\n"
                            + "TE: trailers\r\n"
                            + "Upgrade: h2c\r\n"
                            + "X-End: 1\r\n"
                            + "Content-Length: 4\r\n\r\n"
                            + "bodyGET / HTTP/1.1\r\n\r\n");
            Socket upstream = server.next();
            String request = read(upstream.getInputStream(), 4);

            assertThat(request)
                    .startsWith("POST /a/b?c=d HTTP/1.1\r\nHost: web.test:" + server.port() + "\r\n")
                    .endsWith("\r\n\r\nbody")
                    .contains("X-End: 1\r\n", "Content-Length: 4\r\n", "Connection: close\r\n")
                    .doesNotContainIgnoringCase("evil", "x-hop", "keep-alive", "TE:", "upgrade", "proxy-");
            String answer = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: 9\r\nContent-Length: 2\r\n\r\nhi";
            write(upstream, "HTTP/1.1 100 Continue\r\n\r\n" + answer + answer);
            assertThat(new String(program.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1))
                    .isEqualTo("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                            + "Connection: close\r\n\r\nhi");
            // What followed the body was no second request to anybody.
            assertThat(upstream.getInputStream().read()).isEqualTo(-1);
        }
        assertThat(lastEvent())
                .returns(NetworkEvent.Verdict.ALLOWED, NetworkEvent::verdict)
                .returns("web.test", NetworkEvent::host)
                .returns("127.0.0.1", NetworkEvent::address);
    }

    @Test
    void chunkedBodiesGoOnInChunksOfOurOwnWriting() throws Exception {
        try (Socket program = fixture.connect()) {
            write(
                    program,
                    "PUT " + plain("/") + " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                            + "004\r\nbody\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n");
            Socket upstream = server.next();

            assertThat(read(upstream.getInputStream(), 14)).endsWith("\r\n\r\n4\r\nbody\r\n0\r\n\r\n");
            write(upstream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
            upstream.shutdownOutput();
            assertThat(new String(program.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1))
                    .endsWith("\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET URL HTTP/1.1\nHost: web.test\n\n",
                "GET URL HTTP/1.1\r\nHost: web.test\n\r\n\r\n",
                "GET URL HTTP/1.1\r\nA: b\rc: d\r\n\r\n",
                "GET URL HTTP/1.1\r\nA: b\0\r\n\r\n",
                "GET URL HTTP/1.1\r\nA : b\r\n\r\n",
                "GET URL HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
                "GET URL HTTP/1.1\r\n: b\r\n\r\n",
                "GET URL HTTP/1.1\r\nno field\r\n\r\n",
                "GET URL HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
                "GET URL HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nx",
                "GET URL HTTP/1.1\r\nContent-Length: +1\r\n\r\nx",
                "GET URL HTTP/1.1\r\nContent-Length: -1\r\n\r\nx",
                "GET URL HTTP/1.1\r\nContent-Length: 0x1\r\n\r\nx",
                "GET URL HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nx",
                "GET URL HTTP/1.1\r\nContent-Length:\r\n\r\n",
                "GET URL HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "GET URL HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "GET URL HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                "GET URL HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                "GET URL HTTP/1.1\r\nTransfer-Encoding:\u000bchunked\r\n\r\n0\r\n\r\n",
                "GET URL HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "GET URL HTTP/2.0\r\n\r\n",
                "GET URL\r\n\r\n",
                "GET  URL HTTP/1.1\r\n\r\n",
                "GET URL x HTTP/1.1\r\n\r\n",
                "get URL HTTP/1.1\r\n\r\n",
                "\r\nGET URL HTTP/1.1\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: web.test\r\n\r\n",
                "GET https://web.test/ HTTP/1.1\r\n\r\n",
                "GET ftp://web.test/ HTTP/1.1\r\n\r\n",
                "GET http://user:pw@web.test/ HTTP/1.1\r\n\r\n",
                "GET http://web.test\\@evil.test/ HTTP/1.1\r\n\r\n",
                "GET http:///x HTTP/1.1\r\n\r\n",
                "GET http://127.1/ HTTP/1.1\r\n\r\n",
                "GET http://w\u00e9b.test/ HTTP/1.1\r\n\r\n",
                "CONNECT web.test HTTP/1.1\r\n\r\n",
                "CONNECT http://web.test:443/ HTTP/1.1\r\n\r\n",
                "CONNECT web.test:443 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
                "CONNECT web.test:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "\u0016\u0003\u0001\n\n"
            })
    void whatCanBeReadInTwoWaysIsRefused(String request) throws Exception {
        assertThat(fixture.ask(request.replace("URL", plain("/")))).startsWith("HTTP/1.1 400 ");

        assertThat(server.untouched()).isTrue();
        assertThat(lastEvent().verdict()).isEqualTo(NetworkEvent.Verdict.DENIED);
    }

    @Test
    void aHeadHasABound() throws Exception {
        String long64 = "X: " + "y".repeat(60_000) + "\r\n";

        assertThat(fixture.ask("GET " + plain("/") + " HTTP/1.1\r\n" + long64 + long64 + "\r\n"))
                .startsWith("HTTP/1.1 400 ")
                .contains("64 KiB");
        assertThat(fixture.ask("GET " + plain("/") + " HTTP/1.1\r\n" + "a: b\r\n".repeat(201) + "\r\n"))
                .startsWith("HTTP/1.1 400 ");
    }

    @Test
    void badChunksEndTheRequest() throws Exception {
        for (String body : List.of(
                "4 \r\nbody\r\n",
                "0x4\r\nbody\r\n",
                "4;x=y\r\nbody\r\n",
                "4\nbody\r\n",
                "4\r\nbodyX",
                "-1\r\n",
                "ffffffffffffffff\r\n",
                "0\r\nTrailer: x\r\n\r\n",
                "4\r\nbo")) {
            try (Socket program = fixture.connect()) {
                write(program, "PUT " + plain("/") + " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body);
                program.shutdownOutput();
                Socket upstream = server.next();

                assertThat(new String(upstream.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1))
                        .as(body)
                        .doesNotContain("Trailer", "\r\n0\r\n\r\n");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "10.0.0.1:443",
                "127.0.0.1:443",
                "127.0.0.2:443",
                "169.254.169.254:80",
                "[::1]:443",
                "[fd00::1]:443",
                "[64:ff9b::7f00:1]:443",
                "[::ffff:10.0.0.1]:443",
                "private.test:443",
                "web.test:22",
                "web.test:25",
                "web.test:443",
                "banned.test:443",
                "a.banned.test:443",
                "BANNED.test.:443",
                "localhost:443"
            })
    void deniedDestinations(String where) throws Exception {
        assertThat(fixture.ask("CONNECT " + where + " HTTP/1.1\r\n\r\n"))
                .startsWith(where.startsWith("localhost") ? "HTTP/1.1 502 " : "HTTP/1.1 403 ");
        assertThat(fixture.ask("GET http://" + where + "/ HTTP/1.1\r\n\r\n"))
                .startsWith(where.startsWith("localhost") ? "HTTP/1.1 502 " : "HTTP/1.1 403 ");

        assertThat(server.untouched()).isTrue();
        assertThat(lastEvent().reason()).isNotEmpty();
        assertThat(fixture.egress().counts().allowed()).isZero();
    }

    @Test
    void theSystemsResolverCannotLeadToTheMachine() throws Exception {
        fixture.close();
        fixture = new ProxyFixture(config(), Resolver.SYSTEM, ALL);

        assertThat(fixture.ask("CONNECT localhost:443 HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 403 ");
    }

    /** A name that had a good address when it was judged and another one afterwards: the judged one is connected to. */
    @Test
    void aNameIsResolvedOnceForEachRequest() throws Exception {
        AtomicInteger times = new AtomicInteger();
        fixture.close();
        fixture = new ProxyFixture(
                config(),
                host -> List.of(
                        times.getAndIncrement() == 0 ? ProxyFixture.LOOPBACK : InetAddress.ofLiteral("10.0.0.1")),
                ALL);

        try (Socket program = fixture.connect()) {
            write(program, "CONNECT rebound.test:" + server.port() + " HTTP/1.1\r\n\r\n");
            assertThat(read(program.getInputStream(), 0)).startsWith("HTTP/1.1 200 ");
        }
        assertThat(times).hasValue(1);
        assertThat(fixture.ask("CONNECT rebound.test:" + server.port() + " HTTP/1.1\r\n\r\n"))
                .startsWith("HTTP/1.1 403 ");
    }

    @Test
    void ofSeveralAddressesOnlyTheAllowedOnesAreTried() throws Exception {
        try (Socket program = fixture.connect()) {
            write(program, "CONNECT mixed.test:" + server.port() + " HTTP/1.1\r\n\r\n");
            assertThat(read(program.getInputStream(), 0)).startsWith("HTTP/1.1 200 ");
        }
        assertThat(lastEvent().address()).isEqualTo("127.0.0.1");
    }

    @Test
    void namesThatNoRuleCanAllowAreNotResolved() throws Exception {
        use(config(), new NetworkPolicy(Rule.parseAll("web.test"), List.of(), false));

        assertThat(fixture.ask("CONNECT secret-as-a-name.other.test:443 HTTP/1.1\r\n\r\n"))
                .startsWith("HTTP/1.1 403 ");
        assertThat(fixture.ask("CONNECT banned.test:443 HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 403 ");

        assertThat(asked).isEmpty();
    }

    @Test
    void allowWinsOverDenyAndTheOperatorOverBoth() throws Exception {
        String port = ":" + server.port();
        use(config(), new NetworkPolicy(Rule.parseAll("web.test banned.test"), Rule.parseAll("127.0.0.0/8"), true));

        assertThat(fixture.ask("CONNECT other.test" + port + " HTTP/1.1\r\n\r\n"))
                .startsWith("HTTP/1.1 403 ");
        assertThat(fixture.ask("CONNECT banned.test" + port + " HTTP/1.1\r\n\r\n"))
                .startsWith("HTTP/1.1 403 ");
        try (Socket program = fixture.connect()) {
            write(program, "CONNECT web.test" + port + " HTTP/1.1\r\n\r\n");
            assertThat(read(program.getInputStream(), 0)).startsWith("HTTP/1.1 200 ");
        }
        use(
                config().withRules(
                                Rule.parseAll("other.test"), List.of(), Set.of(server.port()), config().exceptions()),
                ALL);
        assertThat(fixture.ask("CONNECT web.test" + port + " HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 403 ");
    }

    @Test
    void aTunnelCarriesBytesBothWaysAndEachSideEndsByItself() throws Exception {
        try (Socket program = fixture.connect()) {
            write(program, "CONNECT web.test:" + server.port() + " HTTP/1.1\r\n\r\n");
            assertThat(read(program.getInputStream(), 0)).startsWith("HTTP/1.1 200 ");
            Socket upstream = server.next();
            write(upstream, "220 the server speaks first\r\n");
            assertThat(program.getInputStream().readNBytes(29)).hasSize(29);
            write(program, "question");
            program.shutdownOutput();

            assertThat(upstream.getInputStream().readAllBytes()).asString().isEqualTo("question");
            write(upstream, "answer");
            upstream.shutdownOutput();
            assertThat(program.getInputStream().readAllBytes()).asString().isEqualTo("answer");
        }
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(lastEvent())
                        .returns(8L, NetworkEvent::sent)
                        .returns(35L, NetworkEvent::received)
                        .returns(false, NetworkEvent::open));
    }

    @Test
    void tlsForAnotherHostThanItsConnectIsEnded() throws Exception {
        byte[] hello = hello("other.test");
        try (Socket program = fixture.connect()) {
            write(program, "CONNECT web.test:" + server.port() + " HTTP/1.1\r\n\r\n");
            assertThat(read(program.getInputStream(), 0)).startsWith("HTTP/1.1 200 ");
            for (byte b : hello) {
                program.getOutputStream().write(b);
            }

            assertThat(program.getInputStream().readAllBytes()).containsExactly(21, 3, 3, 0, 2, 2, 112);
            assertThat(server.next().getInputStream().read()).isEqualTo(-1);
        }
        assertThat(lastEvent())
                .returns(NetworkEvent.Verdict.DENIED, NetworkEvent::verdict)
                .returns(0L, NetworkEvent::sent);
    }

    @Test
    void tlsToAnAddressIsJudgedByItsName() throws Exception {
        byte[] hello = hello("banned.test");
        try (Socket program = fixture.connect()) {
            write(program, "CONNECT 127.0.0.1:" + server.port() + " HTTP/1.1\r\n\r\n");
            assertThat(read(program.getInputStream(), 0)).startsWith("HTTP/1.1 200 ");
            program.getOutputStream().write(hello);

            assertThat(program.getInputStream().readAllBytes()).hasSize(7);
        }
        byte[] good = hello("web.test");
        try (Socket program = fixture.connect()) {
            write(program, "CONNECT web.test:" + server.port() + " HTTP/1.1\r\n\r\n");
            assertThat(read(program.getInputStream(), 0)).startsWith("HTTP/1.1 200 ");
            server.next();
            program.getOutputStream().write(good);

            assertThat(server.next().getInputStream().readNBytes(good.length)).isEqualTo(good);
        }
    }

    private static byte[] hello(String name) throws Exception {
        javax.net.ssl.SSLEngine engine = javax.net.ssl.SSLContext.getDefault().createSSLEngine();
        engine.setUseClientMode(true);
        javax.net.ssl.SSLParameters parameters = engine.getSSLParameters();
        parameters.setServerNames(List.of(new javax.net.ssl.SNIHostName(name)));
        engine.setSSLParameters(parameters);
        java.nio.ByteBuffer out =
                java.nio.ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
        engine.wrap(java.nio.ByteBuffer.allocate(0), out);
        byte[] bytes = new byte[out.flip().remaining()];
        out.get(bytes);
        return bytes;
    }

    @Test
    void aNewPolicyCutsWhatItDoesNotAllow() throws Exception {
        try (Socket cut = fixture.connect();
                Socket kept = fixture.connect()) {
            write(cut, "CONNECT web.test:" + server.port() + " HTTP/1.1\r\n\r\n");
            assertThat(read(cut.getInputStream(), 0)).startsWith("HTTP/1.1 200 ");
            Socket cutUpstream = server.next();
            write(kept, "CONNECT other.test:" + server.port() + " HTTP/1.1\r\n\r\n");
            assertThat(read(kept.getInputStream(), 0)).startsWith("HTTP/1.1 200 ");
            Socket keptUpstream = server.next();

            fixture.proxy().change(new NetworkPolicy(Rule.parseAll("other.test"), List.of(), false));

            assertThat(cutUpstream.getInputStream().read()).isEqualTo(-1);
            write(kept, "x");
            assertThat(keptUpstream.getInputStream().read()).isEqualTo('x');
        }
        assertThat(fixture.proxy().events())
                .anySatisfy(event -> assertThat(event.reason()).contains("rules have changed"));
        assertThat(fixture.ask("CONNECT web.test:" + server.port() + " HTTP/1.1\r\n\r\n"))
                .startsWith("HTTP/1.1 403 ");
    }

    @Test
    void oneSandboxHasSoManyConnectionsAndTheNextOneWaits() throws Exception {
        use(config().withBounds(2, 10, Duration.ofMinutes(5)), ALL);
        List<Socket> open = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Socket program = fixture.connect();
            open.add(program);
            write(program, "CONNECT web.test:" + server.port() + " HTTP/1.1\r\n\r\n");
            assertThat(read(program.getInputStream(), 0)).startsWith("HTTP/1.1 200 ");
        }
        try (Socket third = fixture.connect()) {
            write(third, "CONNECT web.test:" + server.port() + " HTTP/1.1\r\n\r\n");
            assertThat(fixture.accepted()).isEqualTo(2);

            open.getFirst().close();
            server.next().close();

            assertThat(read(third.getInputStream(), 0)).startsWith("HTTP/1.1 200 ");
        }
        open.getLast().close();
    }

    @Test
    void allSandboxesTogetherHaveABound() throws Exception {
        use(config().withBounds(10, 1, Duration.ofMinutes(5)), ALL);
        try (Socket first = fixture.connect()) {
            write(first, "CONNECT web.test:" + server.port() + " HTTP/1.1\r\n\r\n");
            assertThat(read(first.getInputStream(), 0)).startsWith("HTTP/1.1 200 ");

            assertThat(fixture.ask("CONNECT web.test:" + server.port() + " HTTP/1.1\r\n\r\n"))
                    .startsWith("HTTP/1.1 503 ");
        }
    }

    @Test
    void whoSendsNothingIsCutOff() throws Exception {
        use(config().withBounds(10, 10, Duration.ofMillis(1)), ALL);
        try (Socket program = fixture.connect()) {
            write(program, "CONNECT web.test:" + server.port() + " HTTP/1.1\r\n\r\n");

            assertThat(program.getInputStream().readAllBytes()).isNotNull();
        }
        assertThat(lastEvent().reason()).contains("too long");
    }

    @Test
    void aSlowReaderSlowsItsServer() throws Exception {
        try (Socket program = fixture.connect()) {
            write(program, "CONNECT web.test:" + server.port() + " HTTP/1.1\r\n\r\n");
            assertThat(read(program.getInputStream(), 0)).startsWith("HTTP/1.1 200 ");
            Socket upstream = server.next();
            AtomicInteger written = new AtomicInteger();
            int pieces = 4096; // 256 MiB
            Thread writer = Thread.ofVirtual().start(() -> {
                try {
                    byte[] piece = new byte[64 << 10];
                    for (int i = 0; i < pieces; i++) {
                        upstream.getOutputStream().write(piece);
                        written.incrementAndGet();
                    }
                    upstream.shutdownOutput();
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            // Nobody reads: the sockets' buffers fill up, and then the server's write waits.
            await().atMost(SOON).until(() -> writer.getState() == Thread.State.WAITING && steady(written));
            assertThat(written.get()).isLessThan(pieces / 2);

            long received = 0;
            byte[] buffer = new byte[256 << 10];
            for (int count = program.getInputStream().read(buffer);
                    count >= 0;
                    count = program.getInputStream().read(buffer)) {
                received += count;
            }
            assertThat(received).isEqualTo((long) pieces * (64 << 10));
            writer.join();
        }
    }

    private static boolean steady(AtomicInteger counter) throws InterruptedException {
        int before = counter.get();
        Thread.sleep(200);
        return before > 0 && counter.get() == before;
    }

    @Test
    void brokenAnswersAre502() throws Exception {
        for (String answer : List.of(
                "",
                "HTTP/1.1 200 OK\n\n",
                "SSH-2.0-x\r\n\r\n",
                "HTTP/1.1 101 Switching\r\n\r\n",
                "HTTP/1.1 200 OK\r\nA : b\r\n\r\n")) {
            try (Socket program = fixture.connect()) {
                write(program, "GET " + plain("/") + " HTTP/1.1\r\n\r\n");
                Socket upstream = server.next();
                read(upstream.getInputStream(), 0);
                write(upstream, answer);
                upstream.shutdownOutput();

                assertThat(new String(program.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1))
                        .as(answer)
                        .startsWith("HTTP/1.1 502 ");
            }
        }
    }

    @Test
    void randomBytesAreAnsweredOrEndedAndTheProxyLivesOn() throws Exception {
        Random random = new Random(11);
        byte[] good = ("POST " + plain("/") + " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
                .getBytes(StandardCharsets.ISO_8859_1);
        for (int round = 0; round < 300; round++) {
            byte[] bytes = random.nextBoolean() ? good.clone() : new byte[random.nextInt(2000)];
            for (int i = 0; i < bytes.length; i++) {
                if (bytes.length != good.length || random.nextInt(20) == 0) {
                    bytes[i] = (byte) random.nextInt();
                }
            }
            try (Socket program = fixture.connect()) {
                program.getOutputStream().write(bytes);
                program.shutdownOutput();
                if (!fixture.proxy().events().isEmpty()
                        && fixture.proxy().events().getLast().open()) {
                    continue; // it came through and waits for the server
                }
                if (random.nextBoolean()) {
                    program.setSoLinger(true, 0);
                }
            }
        }
        assertThat(fixture.ask("CONNECT 10.0.0.1:443 HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 403 ");
        fixture.proxy().close();
        await().atMost(SOON)
                .untilAsserted(
                        () -> assertThat(fixture.egress().counts().open()).isZero());
    }

    @Test
    void theEventsAreBounded() throws Exception {
        for (int i = 0; i < EventLog.KEPT + 5; i++) {
            fixture.ask("CONNECT 10.0.0.1:443 HTTP/1.1\r\n\r\n");
        }

        List<NetworkEvent> events = fixture.proxy().events();
        assertThat(events).hasSize(EventLog.KEPT);
        assertThat(events.getFirst().sequence()).isEqualTo(6);
        assertThat(fixture.egress().counts().denied()).isEqualTo(EventLog.KEPT + 5);
    }

    /** Names whose servers do not answer: what they hold up is their sandbox, and no other and no thread of the server. */
    @Test
    void slowNamesDelayNobodyElse() throws Exception {
        var release = new java.util.concurrent.CountDownLatch(1);
        fixture.close();
        fixture = new ProxyFixture(
                config(),
                host -> {
                    if (host.startsWith("slow")) {
                        try {
                            release.await();
                        } catch (InterruptedException e) {
                            throw new UnknownHostException(host);
                        }
                    }
                    return List.of(ProxyFixture.LOOPBACK);
                },
                ALL);
        List<Socket> slow = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            Socket program = fixture.connect();
            slow.add(program);
            write(program, "CONNECT slow" + i + ".test:443 HTTP/1.1\r\n\r\n");
        }
        await().atMost(SOON).until(() -> fixture.accepted() == 40);

        assertThat(fixture.ask("CONNECT 10.0.0.1:443 HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 403 ");
        var other = new ProxyFixture(fixture.egress(), ALL);
        assertThat(other.ask("CONNECT quick.test:443 HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 403 ");
        release.countDown();
        for (Socket program : slow) {
            assertThat(program.getInputStream().readAllBytes()).asString().startsWith("HTTP/1.1 403 ");
            program.close();
        }
        other.close();
    }
}
