package io.athenic.engine.egress;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** A web server on loopback, over HTTP and over HTTPS with a certificate of its own making for {@code *.test}. */
final class Upstream implements AutoCloseable {
    private static final char[] SECRET = "secret".toCharArray();

    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final HttpServer plain;
    private final HttpsServer secure;
    private final String certificate;
    private final Set<String> requests = ConcurrentHashMap.newKeySet();

    Upstream() throws IOException, GeneralSecurityException, InterruptedException {
        InetSocketAddress free = new InetSocketAddress(Inet4Address.ofLiteral("127.0.0.1"), 0);
        plain = HttpServer.create(free, 0);
        secure = HttpsServer.create(free, 0);
        KeyStore keys = keys();
        certificate = "-----BEGIN CERTIFICATE-----\n"
                + Base64.getMimeEncoder(64, new byte[] {'\n'})
                        .encodeToString(keys.getCertificate("test").getEncoded())
                + "\n-----END CERTIFICATE-----\n";
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(keys, SECRET);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(managers.getKeyManagers(), null, null);
        secure.setHttpsConfigurator(new HttpsConfigurator(tls));
        for (HttpServer server : List.of(plain, secure)) {
            server.setExecutor(threads);
            server.createContext("/", exchange -> {
                requests.add(exchange.getRequestURI() + " "
                        + exchange.getRequestHeaders().getFirst("User-Agent"));
                byte[] body = exchange.getRequestBody().readAllBytes();
                byte[] answer = ("hello " + exchange.getRequestMethod() + " " + exchange.getRequestURI() + " "
                                + body.length)
                        .getBytes(StandardCharsets.UTF_8);
                exchange.getResponseHeaders().add("Connection", "X-Hop");
                exchange.getResponseHeaders().add("X-Hop", "1");
                exchange.sendResponseHeaders(200, answer.length);
                try (OutputStream out = exchange.getResponseBody()) {
                    out.write(answer);
                }
            });
            server.createContext("/large", exchange -> {
                long left = Long.parseLong(exchange.getRequestURI().getQuery());
                byte[] piece = new byte[64 << 10];
                exchange.sendResponseHeaders(200, left);
                try (OutputStream out = exchange.getResponseBody()) {
                    for (; left > 0; left -= piece.length) {
                        out.write(piece, 0, (int) Math.min(left, piece.length));
                    }
                }
            });
            server.start();
        }
    }

    private static KeyStore keys() throws IOException, GeneralSecurityException, InterruptedException {
        Path folder = Files.createTempDirectory("athenic-upstream");
        Path store = folder.resolve("keys.p12");
        try {
            Process keytool = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "keytool")
                                    .toString(),
                            "-genkeypair",
                            "-alias",
                            "test",
                            "-keyalg",
                            "EC",
                            "-dname",
                            "CN=upstream",
                            "-validity",
                            "30",
                            "-ext",
                            "san=dns:web.test,dns:*.web.test",
                            "-ext",
                            "bc:c",
                            "-storetype",
                            "PKCS12",
                            "-storepass",
                            new String(SECRET),
                            "-keystore",
                            store.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("log").toFile())
                    .start();
            if (!keytool.waitFor(60, TimeUnit.SECONDS) || keytool.exitValue() != 0) {
                throw new IOException("keytool: " + Files.readString(folder.resolve("log")));
            }
            KeyStore keys = KeyStore.getInstance("PKCS12");
            try (var in = Files.newInputStream(store)) {
                keys.load(in, SECRET);
            }
            return keys;
        } finally {
            Files.deleteIfExists(store);
            Files.deleteIfExists(folder.resolve("log"));
            Files.delete(folder);
        }
    }

    int port() {
        return plain.getAddress().getPort();
    }

    int securePort() {
        return secure.getAddress().getPort();
    }

    /** PEM. */
    String certificate() {
        return certificate;
    }

    /** Path and user agent of the requests that came so far. */
    Set<String> requests() {
        return Set.copyOf(requests);
    }

    @Override
    public void close() {
        plain.stop(0);
        secure.stop(0);
        threads.shutdownNow();
        try {
            if (!threads.awaitTermination(60, TimeUnit.SECONDS)) {
                throw new IllegalStateException("the upstream's threads did not end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UncheckedIOException(new IOException(e));
        }
    }
}
