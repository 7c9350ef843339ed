package io.athenic.e2b.protocol;

/** Names and numbers of E2B's protocol. */
public final class E2b {
    /** Port of a sandbox at which envd (processes, files) is served. */
    public static final int ENVD_PORT = 49983;

    /** Port of a sandbox at which the code interpreter is served. */
    public static final int CODE_PORT = 49999;

    /** The version that a server reports: the oldest that has all client features. Plain semver, since SDKs parse it. */
    public static final String ENVD_VERSION = "0.6.4";

    public static final String HEADER_API_KEY = "X-API-KEY";
    public static final String HEADER_ACCESS_TOKEN = "X-Access-Token";
    public static final String HEADER_TRAFFIC_TOKEN = "E2B-Traffic-Access-Token";
    public static final String HEADER_SANDBOX_ID = "E2b-Sandbox-Id";
    public static final String HEADER_SANDBOX_PORT = "E2b-Sandbox-Port";
    public static final String HEADER_NEXT_TOKEN = "X-Next-Token";

    /** Ours: makes an execution durable. */
    public static final String HEADER_EXECUTION_ID = "Athenic-Execution-Id";

    public static final String HEADER_METADATA_PREFIX = "X-Metadata-";
    public static final String HEADER_KEEPALIVE = "Keepalive-Ping-Interval";
    public static final String HEADER_CONNECT_TIMEOUT = "Connect-Timeout-Ms";
    public static final String HEADER_CONNECT_VERSION = "Connect-Protocol-Version";

    /** Content type of a unary Connect call. */
    public static final String JSON = "application/json";

    /** Content type of a streaming Connect call. */
    public static final String CONNECT_JSON = "application/connect+json";

    /** The user whom envd takes when a request names none. */
    public static final String DEFAULT_USER = "user";

    /** The template that the SDK of the plain sandbox asks for. */
    public static final String BASE_TEMPLATE = "base";

    /** The template that the SDK of the code interpreter asks for. */
    public static final String CODE_TEMPLATE = "code-interpreter-v1";

    private E2b() {}
}
