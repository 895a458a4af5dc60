"""A proxy that hands connections to workers in turn, and passes over those that are gone."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress

CHUNK_BYTES = 64 * 1024
HEAD_SECONDS = 10.0


class Proxy:
    """Each connection goes to the next worker that accepts it. `log` is told which one that was."""

    def __init__(self, ports: dict[str, int], log: Callable[[str], None]) -> None:
        self._workers = list(ports.items())
        self._log = log

    async def serve(self, port: int) -> None:
        """Until it is cancelled."""
        async with await asyncio.start_server(self._handle, "127.0.0.1", port) as server:
            await server.serve_forever()

    async def _handle(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                first = await reader.readline()
            if first:
                await self._forward(first, reader, writer)
        except (TimeoutError, ValueError):
            # Whoever sends no request, or one without an end, is no browser.
            return
        finally:
            writer.transport.abort()

    async def _forward(self, first: bytes, reader: StreamReader, writer: StreamWriter) -> None:
        worker = await self._connect(first.decode("ascii", "replace").strip())
        if worker is None:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        from_worker, to_worker = worker
        to_worker.write(first)
        both = [asyncio.create_task(_pipe(reader, to_worker)), asyncio.create_task(_pipe(from_worker, writer))]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.wait(both)
            to_worker.transport.abort()

    async def _connect(self, request: str) -> tuple[StreamReader, StreamWriter] | None:
        self._workers.append(self._workers.pop(0))
        for name, port in list(self._workers):
            with suppress(OSError):
                worker = await asyncio.open_connection("127.0.0.1", port)
                self._log(f"{request} -> {name}")
                return worker
        return None


async def _pipe(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        await writer.drain()
