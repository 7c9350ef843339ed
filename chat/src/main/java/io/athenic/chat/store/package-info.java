/** Keeps threads, messages, runs and events in SQLite or PostgreSQL with one portable SQL. */
@NullMarked
package io.athenic.chat.store;

import org.jspecify.annotations.NullMarked;
