"""Lock files: held by flock(2), so that a dead holder holds nothing; removed at an orderly end."""

from __future__ import annotations

import fcntl
import os


class LockFile:
    """A lock that this process holds."""

    def __init__(self, path: str, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @staticmethod
    def try_take(path: str) -> LockFile | None:
        """Takes the lock if nobody has it."""
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Its last holder may have removed the file between our open and our lock: then the name is, or gets, another file.
                if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                    return LockFile(path, descriptor)
            except FileNotFoundError:
                pass
            except BlockingIOError:
                os.close(descriptor)
                return None
            os.close(descriptor)

    def note(self, text: str) -> None:
        """Says something about the holder to whoever reads the file."""
        data = text.encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, data, 0)

    def release(self) -> None:
        """Removes the file and lets the lock go, in this order."""
        os.unlink(self._path)
        os.close(self._descriptor)
