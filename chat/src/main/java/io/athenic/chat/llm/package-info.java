/** Language models: configuration, clients, and one streamed turn with deadlines. */
@NullMarked
package io.athenic.chat.llm;

import org.jspecify.annotations.NullMarked;
