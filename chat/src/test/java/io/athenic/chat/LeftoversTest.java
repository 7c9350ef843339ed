package io.athenic.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.chat.store.ChatStore;
import io.athenic.chat.store.DatabaseConfig;
import io.athenic.chat.thread.Message;
import io.athenic.chat.thread.MessageStatus;
import io.athenic.chat.thread.Part;
import io.athenic.chat.thread.Role;
import io.athenic.chat.thread.RunStatus;
import io.athenic.chat.thread.ThreadEvent;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a server that was killed left behind. */
class LeftoversTest {

    private static final Instant NOW = Instant.parse("2026-11-22T10:00:00Z");

    @TempDir
    Path folder;

    private static Message message(String id, Role role, MessageStatus status, Part... parts) {
        return new Message(id, "t", role, NOW, status, List.of(parts), null);
    }

    @Test
    void aRunThatWasCutOffFailsWithANoticeAndFreesItsThread() {
        try (ChatStore store =
                ChatStore.open(DatabaseConfig.sqlite(folder.resolve("chat.db")), InstantSource.fixed(NOW), _ -> {})) {
            store.createThread("t", "T");
            Message question = message("q", Role.USER, MessageStatus.COMPLETE, new Part.Text("run it"));
            store.startRun("r", "main", question, message("a", Role.ASSISTANT, MessageStatus.RUNNING), "T");
            Part.Execution running =
                    new Part.Execution("e", "python", "1", "running", "code", "session_1", "sbx", null);
            Message half = message("a", Role.ASSISTANT, MessageStatus.RUNNING, new Part.Text("I will"), running);
            store.update(half, "r", RunStatus.RUNNING, List.of(new ThreadEvent.MessageChanged(half)));

            new Leftovers(store, (_, _) -> false).settle("other");
            new Leftovers(store, (_, _) -> true).settle("main");
            assertThat(store.activeRun("t")).isNotNull();
            new Leftovers(store, (_, _) -> false).settle("main");

            Message ended = store.message("a").orElseThrow();
            assertThat(ended.status()).isEqualTo(MessageStatus.FAILED);
            assertThat(ended.parts()).hasSize(3);
            assertThat(((Part.Execution) ended.parts().get(1)).status()).isEqualTo("error");
            assertThat(((Part.Notice) ended.parts().get(2)).text()).contains("restarted");
            assertThat(store.activeRun("t")).isNull();
        }
    }
}
