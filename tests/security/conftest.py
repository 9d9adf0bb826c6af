"""The attack suite runs against the real server, as the tests of the server do."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_spec = spec_from_file_location("tests_server_conftest", Path(__file__).parents[1] / "server" / "conftest.py")
_server = module_from_spec(_spec)
sys.modules[_spec.name] = _server
_spec.loader.exec_module(_server)

Server = _server.Server
lexical_pipelines = _server.lexical_pipelines
