"""Which files of a folder to look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# What a build or a package manager wrote says little about a project.
GENERATED = frozenset({"build", "dist", "node_modules", "__pycache__"})


def regular_files(folder: Path, everything: bool = False) -> Iterator[Path]:
    """Readable regular files below `folder`, sorted; hidden, generated folders only if asked."""
    for parent, folders, names in os.walk(folder):
        if not everything:
            folders[:] = [n for n in folders if n not in GENERATED and not n.startswith(".")]
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK):
                yield path
