/**
 * Builds templates in ordinary sandboxes, step by step: what a step has changed is kept as a tree, and a step whose tree is there already is
 * not run again. All of it is the server's unprivileged work; roomd's part are the trees (docs/PROTOCOL.md, section 2).
 */
@NullMarked
package io.athenic.engine.template;

import org.jspecify.annotations.NullMarked;
