"""What tests of a whole sidecar share: the process, started, watched and stopped."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import IO

SECONDS_MAX = 60
# Told on standard error as soon as the socket listens.
ADDRESS = re.compile(r"serving .* on http://[\d.]+:(\d+)")
COMMAND = ("-m", "router")


@dataclass
class Sidecar:
    """A running process, and everything that it has said so far."""

    process: subprocess.Popen[str]
    port: int = 0
    said: list[str] = field(default_factory=list)
    readers: list[threading.Thread] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def end(self) -> str:
        """Stop it in good order and give all it said."""
        self.process.terminate()
        self.process.wait(SECONDS_MAX)
        for reader in self.readers:
            reader.join(SECONDS_MAX)
        return "".join(self.said)


@contextmanager
def run_sidecar(
    root: Path, arguments: Sequence[object] = (), command: Sequence[str] = COMMAND
) -> Iterator[Sidecar]:
    """Run `router serve` on a free port of this machine until the end of the block.

    `command` stands between the interpreter and the word `serve`.
    """
    words = [sys.executable, *command, "serve", "--port", "0", *map(str, arguments)]
    with subprocess.Popen(
        words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        sidecar = Sidecar(process)
        try:
            assert process.stderr is not None
            assert process.stdout is not None
            for line in process.stderr:
                sidecar.said.append(line)
                address = ADDRESS.search(line)
                if address is not None:
                    sidecar.port = int(address[1])
                    break
            assert sidecar.port, "".join(sidecar.said)
            for stream in (process.stderr, process.stdout):
                reader = threading.Thread(target=_keep, args=(stream, sidecar.said))
                reader.start()
                sidecar.readers.append(reader)
            yield sidecar
            sidecar.end()
        finally:
            process.kill()


def _keep(stream: IO[str], said: list[str]) -> None:
    """Keep what a stream says until it ends."""
    said.extend(stream)
