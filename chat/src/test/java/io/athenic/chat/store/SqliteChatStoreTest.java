package io.athenic.chat.store;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.InstantSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SqliteChatStoreTest extends ChatStoreContract {

    @TempDir
    Path folder;

    @Override
    DatabaseConfig database() {
        return DatabaseConfig.sqlite(folder.resolve("chat.db"));
    }

    @Test
    void anotherDatabaseIsRefusedWithWhatIsPossible() {
        assertThatThrownBy(() -> new DatabaseConfig("jdbc:mysql://u:secret@host/x?password=secret", null, null))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("jdbc:postgresql")
                .hasMessageNotContaining("secret");
    }

    @Test
    void aFolderThatCannotBeWrittenIsSaid() {
        DatabaseConfig nowhere = DatabaseConfig.sqlite(folder.resolve("missing/deep/chat.db"));

        assertThatThrownBy(() -> ChatStore.open(nowhere, InstantSource.system(), _ -> {}))
                .isInstanceOf(RuntimeException.class);
    }
}
