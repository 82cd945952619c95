"""The Python package without its `__init__`, which imports LiteLLM's proxy and much more that no test here needs.

Import this first. Every module below `agentlightning` is then the package's own, unchanged.
"""

import importlib.util
import sys
import types
import warnings

warnings.filterwarnings("ignore", module="agentlightning")
location = importlib.util.find_spec("agentlightning").submodule_search_locations[0]
package = types.ModuleType("agentlightning")
package.__path__ = [location]
package.__version__ = "0.3.0"
sys.modules["agentlightning"] = package

from agentlightning.logging import setup as setup_logging  # noqa: E402

# The one name that the package's own `agl store` takes from the `__init__`.
package.setup_logging = setup_logging
