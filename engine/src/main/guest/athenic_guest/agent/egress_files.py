"""What programs need that do not take their proxy or their certificates from the environment alone."""

from __future__ import annotations

import errno
import os
import re
import stat

_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_OWN = "/usr/local/share/ca-certificates/athenic.crt"
_MAX_BUNDLE = 8 << 20
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")

# sudo begins with an environment of its own.
_KEPT = (
    "HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy NODE_USE_ENV_PROXY NODE_OPTIONS JDK_JAVA_OPTIONS "
    "SSL_CERT_FILE NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE PIP_CERT CURL_CA_BUNDLE GIT_SSL_CAINFO"
)

# The fetch of a Node.js that does not know NODE_USE_ENV_PROXY goes through the proxy by Debian's undici. It is loaded at the first fetch.
_NODE = """\
'use strict';
const [major, minor] = process.versions.node.split('.').map(Number);
const path = '/usr/share/nodejs/undici';
const proxy = process.env.HTTPS_PROXY || process.env.HTTP_PROXY;
const known = major >= 24 || (major === 22 && minor >= 21);
if (proxy && !known && require('fs').existsSync(path)) {
  const place = Symbol.for('undici.globalDispatcher.1');
  const set = (value) => Object.defineProperty(globalThis, place, { value, writable: true, configurable: true });
  Object.defineProperty(globalThis, place, {
    configurable: true,
    set,
    get() {
      set(null);
      const { Agent, Dispatcher, ProxyAgent } = require(path);
      const direct = new Agent();
      const through = new ProxyAgent(proxy);
      const near = /^(localhost|127(\\.\\d+){3}|\\[::1\\])$/;
      class Chooser extends Dispatcher {
        dispatch(options, handler) {
          const agent = near.test(new URL(options.origin).hostname) ? direct : through;
          return agent.dispatch(options, handler);
        }
        close(...rest) { return direct.close(...rest); }
        destroy(...rest) { return direct.destroy(...rest); }
      }
      set(new Chooser());
      return globalThis[place];
    },
  });
}
"""


def write(port: int, certificates: str) -> list[str]:
    """Writes the files; returns what could not be written. Files that are as they should be are left alone."""
    proxy = f"http://127.0.0.1:{port}"
    wanted = [
        ("/etc/apt/apt.conf.d/80athenic-proxy", f'Acquire::http::Proxy "{proxy}";\nAcquire::https::Proxy "{proxy}";\n', 0o644),
        ("/etc/sudoers.d/athenic-proxy", f'Defaults env_keep += "{_KEPT}"\n', 0o440),
        ("/usr/local/lib/athenic/proxy.cjs", _NODE, 0o644),
    ]
    notes = []
    for path, text, mode in wanted:
        notes += _put(path, text, mode)
    if certificates:
        notes += _trust(certificates)
    return notes


def _trust(certificates: str) -> list[str]:
    """Adds those that the bundle lacks, and leaves them where update-ca-certificates finds them."""
    try:
        bundle = _read(_BUNDLE)
    except OSError as error:
        return [f"{_BUNDLE}: {error.strerror}"]
    known = {_body(found) for found in _CERTIFICATE.findall(bundle)}
    new = [found for found in _CERTIFICATE.findall(certificates) if _body(found) not in known]
    if not new:
        return []
    text = "\n".join(new) + "\n"
    return _put(_OWN, text, 0o644) + _put(_BUNDLE, bundle.rstrip("\n") + "\n" + text, 0o644)


def _body(certificate: str) -> str:
    return "".join(certificate.split())


def _read(path: str) -> str:
    # A program of the room may have put a pipe in its place, at which an open or a read would wait.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, encoding="utf-8", errors="replace") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError(errno.ENOENT, "no regular file", path)
        return file.read(_MAX_BUNDLE)


def _put(path: str, text: str, mode: int) -> list[str]:
    """In one step: nobody reads half a file."""
    try:
        if _read(path) == text:
            return []
    except OSError:
        pass  # not there
    draft = f"{path}.new"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(draft):
            os.unlink(draft)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(draft, mode)
        os.replace(draft, path)
    except OSError as error:
        return [f"{path}: {error.strerror}"]
    return []
