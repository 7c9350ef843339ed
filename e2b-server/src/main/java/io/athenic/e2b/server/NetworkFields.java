package io.athenic.e2b.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.Sandbox;
import io.athenic.engine.egress.EgressException;
import io.athenic.engine.egress.NetworkEvent;
import io.athenic.engine.egress.NetworkWish;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** E2B's network fields of a sandbox, and ours. */
final class NetworkFields {
    private NetworkFields() {}

    /** What a create or an update asks for. {@code network} may be null. */
    static NetworkWish wish(@Nullable JsonNode network, @Nullable Boolean allowInternet) {
        boolean internet = allowInternet == null || allowInternet;
        if (network == null || network.isNull()) {
            return internet ? NetworkWish.INTERNET : NetworkWish.NONE;
        }
        if (!network.isObject()) {
            throw new HttpFailure(400, "network must be an object");
        }
        if (network.hasNonNull("egressProxy")) {
            throw new HttpFailure(501, "network.egressProxy is not supported by this server");
        }
        if (!network.path("rules").isEmpty()) {
            throw new HttpFailure(
                    501, "network.rules are not supported by this server: it does not decrypt what sandboxes send");
        }
        var open = network.path("allowPublicTraffic");
        if (!open.isMissingNode() && !open.isNull() && !open.isBoolean()) {
            throw new HttpFailure(400, "network.allowPublicTraffic must be true or false");
        }
        var allowOut = texts(network, "allowOut");
        var denyOut = texts(network, "denyOut");
        try {
            return new NetworkWish(internet, allowOut, denyOut, !open.isBoolean() || open.asBoolean(), false);
        } catch (EgressException e) {
            throw new HttpFailure(400, String.valueOf(e.getMessage()));
        }
    }

    /** As {@link #wish(JsonNode, Boolean)} for the body of {@code PUT /sandboxes/{id}/network}. */
    static NetworkWish update(JsonNode body) {
        var internet = body.path("allow_internet_access");
        if (!internet.isMissingNode() && !internet.isNull() && !internet.isBoolean()) {
            throw new HttpFailure(400, "allow_internet_access must be true or false");
        }
        return wish(body, internet.isBoolean() ? internet.asBoolean() : null);
    }

    private static List<String> texts(JsonNode network, String field) {
        var texts = new ArrayList<String>();
        var list = network.path(field);
        if (!list.isMissingNode() && !list.isNull() && !list.isArray()) {
            throw new HttpFailure(400, "network." + field + " must be a list of texts");
        }
        for (var item : list) {
            if (!item.isTextual()) {
                throw new HttpFailure(400, "network." + field + " must be a list of texts");
            }
            texts.add(item.asText());
        }
        return texts;
    }

    /** The object of a sandbox's detail. */
    static ObjectNode detail(NetworkWish wish) {
        var network = Json.object();
        wish.allowOut().forEach(network.putArray("allowOut")::add);
        wish.denyOut().forEach(network.putArray("denyOut")::add);
        return network.put("allowPublicTraffic", wish.publicTraffic());
    }

    /** {@code GET /sandboxes/{id}/network/events}. */
    static ObjectNode events(Sandbox sandbox) {
        var answer = Json.object();
        var list = answer.putArray("events");
        for (NetworkEvent event : sandbox.networkEvents()) {
            list.addObject()
                    .put("sequence", event.sequence())
                    .put("timestamp", event.at().toString())
                    .put("verdict", event.verdict().name().toLowerCase(Locale.ROOT))
                    .put("method", event.method())
                    .put("host", event.host())
                    .put("port", event.port())
                    .put("address", event.address())
                    .put("reason", event.reason())
                    .put("bytesSent", event.sent())
                    .put("bytesReceived", event.received())
                    .put("open", event.open());
        }
        return answer;
    }
}
