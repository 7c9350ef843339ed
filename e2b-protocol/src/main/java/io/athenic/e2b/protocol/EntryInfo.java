package io.athenic.e2b.protocol;

import com.fasterxml.jackson.annotation.JsonAlias;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * {@code filesystem.EntryInfo}. Protobuf's JSON leaves out zero values: absent fields read as their defaults.
 *
 * @param size bytes; a string on the wire, as protobuf's JSON has 64-bit numbers
 * @param mode the permission bits
 * @param permissions like {@code -rw-r--r--}
 * @param symlinkTarget the resolved path, if the entry is a symlink
 */
public record EntryInfo(
        String name,
        FileType type,
        String path,
        @JsonSerialize(using = ToStringSerializer.class) long size,
        int mode,
        String permissions,
        String owner,
        String group,
        @JsonAlias("modified_time") @Nullable Instant modifiedTime,
        @JsonAlias("symlink_target") @Nullable String symlinkTarget,
        @Nullable Map<String, String> metadata) {

    @SuppressWarnings("ConstantValue")
    public EntryInfo {
        name = orEmpty(name);
        type = type == null ? FileType.UNSPECIFIED : type;
        path = orEmpty(path);
        permissions = orEmpty(permissions);
        owner = orEmpty(owner);
        group = orEmpty(group);
    }

    private static String orEmpty(@Nullable String text) {
        return text == null ? "" : text;
    }
}
