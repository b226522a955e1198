"""A few lines run as `python -I -S die_with_parent.py PARENT SIGNAL PROGRAM ARGUMENT…`.

They ask the kernel for a signal when the parent goes, then become the program. A program of its
own because what runs between fork and exec in a threaded Python may deadlock.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, number: int, command: list[str]) -> None:
    """Tie our life to the parent's and become the command."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    # The parent may have gone before the request was in force.
    if os.getppid() != parent:
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
