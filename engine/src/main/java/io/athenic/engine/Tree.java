package io.athenic.engine;

/**
 * The root folder that one step of a build has left (docs/PROTOCOL.md, section 2).
 *
 * @param bytes of all its files
 * @param ownBytes of those that it shares with no parent
 */
public record Tree(String name, String parent, long bytes, long ownBytes, long files) {}
