/** The chat over HTTP: docs/PROTOCOL.md sections 7 and 8. */
@NullMarked
package io.athenic.chat.web;

import org.jspecify.annotations.NullMarked;
