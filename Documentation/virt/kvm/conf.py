# SPDX-License-Identifier: GPL-2.0-only
"""How Sphinx builds these pages (make docs)."""

import os
import sys

sys.path.insert(0, os.path.abspath("sphinx"))

project = "kvm-one"
author = "the authors of kvm-one"
extensions = ["abi_tables"]
exclude_patterns = ["sphinx"]
html_theme = "alabaster"
html_copy_source = False
nitpicky = True
# Words in single backquotes are not used.
default_role = None
