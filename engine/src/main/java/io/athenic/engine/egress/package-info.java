/**
 * The way out of a sandbox: a filtering HTTP proxy, one for each sandbox, which its programs reach through connections that the server
 * opens into the room (docs/PROTOCOL.md, section 3; docs/adr/0011). What it lets through is decided by name, address and port; addresses
 * of private networks, of the machine itself and of cloud metadata are refused after every name was resolved, and the address that was
 * checked is the address that is connected to. All code blocks and runs on virtual threads.
 */
@NullMarked
package io.athenic.engine.egress;

import org.jspecify.annotations.NullMarked;
