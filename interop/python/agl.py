"""The package's own command line: `agl.py store --port 4747`."""

import reference  # noqa: F401
from agentlightning.cli import main

raise SystemExit(main())
