# SPDX-License-Identifier: GPL-2.0-only
"""Files in a folder that several labs share: any of them may go at any moment."""

import contextlib
import os


def remove(path):
    """Removes path, unless somebody else just has."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def by_age(paths):
    """Those of paths that are still there, the oldest first."""
    found = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            found.append((os.path.getmtime(path), path))
    return [path for _, path in sorted(found)]
