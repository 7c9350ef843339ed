package io.athenic.chat.intent;

import java.util.ArrayList;
import java.util.List;

/**
 * A message cut into fenced blocks and the prose around them. One pass over the lines.
 *
 * @param prose the message without its blocks; where one stood there is a line with {@link #MARK}
 */
record Fences(List<Block> blocks, String prose) {

    /** Stands in the prose for a block. */
    static final String MARK = "\u2063";

    /**
     * One fenced block.
     *
     * @param info the word after the opening fence, lower case, may be empty
     * @param intro the last line of prose before it
     */
    record Block(String info, String body, String intro) {}

    Fences {
        blocks = List.copyOf(blocks);
    }

    static Fences split(String message) {
        List<Block> blocks = new ArrayList<>();
        StringBuilder prose = new StringBuilder();
        StringBuilder body = new StringBuilder();
        String intro = "";
        String info = "";
        String fence = "";
        for (String line : message.lines().toList()) {
            String stripped = line.strip();
            if (fence.isEmpty()) {
                String opening = fenceOf(stripped);
                if (opening.isEmpty()) {
                    String rest = inlineFence(line, blocks, intro);
                    prose.append(rest).append('\n');
                    intro = stripped.isEmpty() ? intro : rest.strip();
                } else {
                    fence = opening;
                    info = infoOf(stripped.substring(opening.length()));
                    body.setLength(0);
                }
            } else if (stripped.startsWith(fence)
                    && stripped.replace(fence.substring(0, 1), "").isEmpty()) {
                blocks.add(new Block(info, chomp(body), intro));
                prose.append(MARK).append('\n');
                fence = "";
                intro = "";
            } else {
                body.append(line).append('\n');
            }
        }
        if (!fence.isEmpty()) {
            blocks.add(new Block(info, chomp(body), intro));
            prose.append(MARK).append('\n');
        }
        return new Fences(blocks, prose.toString());
    }

    /** The fence that opens a block on this line; a line that closes its fence again is no opening. */
    private static String fenceOf(String line) {
        for (char mark : new char[] {'`', '~'}) {
            int length = 0;
            while (length < line.length() && line.charAt(length) == mark) {
                length++;
            }
            if (length >= 3 && line.indexOf(mark, length) < 0) {
                return line.substring(0, length);
            }
        }
        return "";
    }

    private static String infoOf(String text) {
        String info = text.strip().toLowerCase(java.util.Locale.ROOT);
        if (info.startsWith("{")) {
            info = info.substring(1).replace("}", "");
        }
        int end = 0;
        while (end < info.length() && " \t{:,".indexOf(info.charAt(end)) < 0) {
            end++;
        }
        String word = info.substring(0, end);
        return word.startsWith(".") ? word.substring(1) : word;
    }

    /** A block that opens and closes within a line of prose. */
    private static String inlineFence(String line, List<Block> blocks, String intro) {
        int open = line.indexOf("```");
        int close = open < 0 ? -1 : line.indexOf("```", open + 3);
        if (close <= open + 3) {
            return line;
        }
        String before = line.substring(0, open);
        String inside = line.substring(open + 3, close).strip();
        int space = inside.indexOf(' ');
        String info = "";
        if (space > 0 && Languages.isInfo(inside.substring(0, space))) {
            info = inside.substring(0, space).toLowerCase(java.util.Locale.ROOT);
            inside = inside.substring(space + 1).strip();
        }
        blocks.add(new Block(info, inside, before.isBlank() ? intro : before.strip()));
        return before + MARK + line.substring(close + 3);
    }

    private static String chomp(StringBuilder text) {
        int end = text.length();
        while (end > 0 && Character.isWhitespace(text.charAt(end - 1))) {
            end--;
        }
        int start = 0;
        for (int i = 0; i < end && Character.isWhitespace(text.charAt(i)); i++) {
            if (text.charAt(i) == '\n') {
                start = i + 1;
            }
        }
        return text.substring(start, end);
    }
}
