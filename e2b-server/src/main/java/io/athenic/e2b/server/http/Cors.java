package io.athenic.e2b.server.http;

/**
 * Cross-origin rules of a sandbox's envd and code interpreter: any page may call them, since the access token and not
 * the browser protects them. The control plane has no such rules: no page may call it.
 */
public final class Cors {
    private static final String EXPOSED =
            "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin, Connect-Protocol-Version, "
                    + "Location, Cache-Control, X-Content-Type-Options";

    private Cors() {}

    /** Sets the headers; true when the request was a preflight and is answered. */
    public static boolean handle(Exchange exchange) {
        exchange.set("Access-Control-Allow-Origin", "*").set("Access-Control-Expose-Headers", EXPOSED);
        if (!exchange.method().equals("OPTIONS") || exchange.header("Access-Control-Request-Method") == null) {
            return false;
        }
        var wanted = exchange.header("Access-Control-Request-Headers");
        exchange.set("Access-Control-Allow-Methods", "HEAD, GET, POST, PUT, PATCH, DELETE")
                .set("Access-Control-Allow-Headers", wanted == null ? "*" : wanted)
                .set("Access-Control-Max-Age", "7200")
                .set("Vary", "Access-Control-Request-Headers")
                .respondEmpty(204);
        return true;
    }
}
