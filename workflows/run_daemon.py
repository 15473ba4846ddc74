#!/usr/bin/env python3
"""Keeps the overview true: crawls on schedule, and seconds after a file has changed, until it is stopped."""

import argparse
import sys

try:
    from app.cli import main
except ModuleNotFoundError as missing:
    sys.exit(f"{missing}: let `./run demo` install it, then say .venv/bin/python workflows/run_daemon.py")

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("-c", "--config", help="the settings, instead of etc/tracker.yaml")
parser.add_argument("-s", "--sources_config", help="where datasets are found")
parser.add_argument("-v", "--verbose", action="store_true", help="say more")

if __name__ == "__main__":
    given = parser.parse_args()
    flags = {"--config": given.config, "--sources": given.sources_config}
    sys.exit(main([f"{flag}={value}" for flag, value in flags.items() if value] + ["-v"] * given.verbose + ["watch"]))
