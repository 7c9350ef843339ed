package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** The trees that templates are made of; roomd keeps them. */
public final class Trees {
    /** roomd gives a commit ten minutes. */
    private static final Duration WORK = Duration.ofMinutes(11);

    private final RoomdClient roomd;

    Trees(RoomdClient roomd) {
        this.roomd = roomd;
    }

    /** Keeps what a sandbox has changed as the tree of that name; one that is there already stays. The sandbox stands still meanwhile. */
    public Tree commit(Sandbox sandbox, String tree) {
        ObjectNode request = Json.object().put("sandbox", sandbox.id()).put("tree", tree);
        return of(roomd.call("template.commit", request, WORK));
    }

    /** All of them, the longest unused first. */
    public List<Tree> list() {
        List<Tree> trees = new ArrayList<>();
        roomd.call("template.trees", Json.object(), Room.ROOMD_WAIT)
                .path("trees")
                .forEach(each -> trees.add(of(each)));
        return trees;
    }

    /** Removes trees that neither are to be kept nor are in use, the longest unused first, until the others have at most so many bytes. */
    List<String> collect(Collection<String> keep, long bytes) {
        ObjectNode request = Json.object().put("bytes", bytes);
        keep.forEach(request.putArray("keep")::add);
        List<String> removed = new ArrayList<>();
        roomd.call("template.collect", request, WORK).path("removed").forEach(each -> removed.add(each.asText()));
        return removed;
    }

    private static Tree of(JsonNode json) {
        return new Tree(
                json.path("tree").asText(),
                json.path("parent").asText(),
                json.path("bytes").asLong(),
                json.path("ownBytes").asLong(),
                json.path("files").asLong());
    }
}
