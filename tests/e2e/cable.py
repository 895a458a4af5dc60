"""The cable between a browser and a server, which a test can cut, or kill without a word."""

from __future__ import annotations

import contextlib
import socket
import threading


class Cable:
    """Forwards TCP connections to a port of the loopback interface.

    `cut()` closes every connection and refuses new ones until `mend()`. `kill()` keeps those that are there open and
    carries nothing over them any more, until `bury()` closes them; new ones work.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._whole = True
        self._ends: set[socket.socket] = set()
        self._dead: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._whole = False
        self._close_all()

    def mend(self) -> None:
        self._whole = True

    def kill(self) -> None:
        self._dead |= self._ends

    def bury(self) -> None:
        for end in list(self._dead):
            self._close(end)

    def remove(self) -> None:
        self.cut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self._whole:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._target))
                self._ends |= {near, far}
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source not in self._dead:
                    sink.sendall(data)
        if source not in self._dead:
            for end in (source, sink):
                self._close(end)

    def _close_all(self) -> None:
        for end in list(self._ends):
            self._close(end)

    def _close(self, end: socket.socket) -> None:
        # Wakes up who reads from it, which closing alone does not.
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
        self._ends.discard(end)
