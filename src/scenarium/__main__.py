"""`python -m scenarium` is the command line."""

import sys

from scenarium.cli import main

sys.exit(main())
