"""`python -m sphinx_code_cell_output`: the command `code-cell-output`."""

import sys

from sphinx_code_cell_output.cli import main

sys.exit(main())
