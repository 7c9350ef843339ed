/** What a conversation is made of: threads, messages, parts, runs, events, and their JSON form (docs/PROTOCOL.md section 7). */
@NullMarked
package io.athenic.chat.thread;

import org.jspecify.annotations.NullMarked;
