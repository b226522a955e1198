"""What both embedded servers share: started here or adopted, and ended by whoever started them."""

import signal
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import ClassVar, Self

from app.infra.embedded import children


class EmbeddedServer:
    """A server that runs: ours while `_process` is set, another process's otherwise."""

    # Signals in the order of growing impatience, each with the seconds it is given.
    STOP_STEPS: ClassVar[Sequence[tuple[signal.Signals, float]]]
    _process: subprocess.Popen[bytes] | None = None

    @property
    def adopted(self) -> bool:
        """Whether another process started the server (and will stop it)."""
        return self._process is None

    def stop(self) -> None:
        """Stop the server if this process started it; an adopted one runs on."""
        if self._process is not None:
            children.stop(self._process, self.STOP_STEPS)
            self._process = None

    def __enter__(self) -> Self:
        """Give the server itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()
