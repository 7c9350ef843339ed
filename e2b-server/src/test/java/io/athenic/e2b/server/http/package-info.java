@NullMarked
package io.athenic.e2b.server.http;

import org.jspecify.annotations.NullMarked;
