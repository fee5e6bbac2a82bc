"""Tables and verdicts in, figures and pages out."""

import os
from importlib import import_module


def _import_matplotlib() -> None:
    """Import it in the root folder: it reads a `matplotlibrc` of the working folder, which may be a stranger's."""
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir("/")
        import_module("matplotlib")
    finally:
        os.fchdir(here)
        os.close(here)


_import_matplotlib()
