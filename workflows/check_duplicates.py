#!/usr/bin/env python3
"""Have we got this already? `check_duplicates.py ACC... | -`: exits 0 when none is known, 1 when one is."""

import argparse
import sys

try:
    from app.cli import main
except ModuleNotFoundError as missing:
    sys.exit(f"{missing}: let `./run demo` install it, then say .venv/bin/python workflows/check_duplicates.py")

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("accession", nargs="+", help="ours or others'; - reads them from stdin")
parser.add_argument("-s", "--sources_config", help="where datasets are found; needed for --fresh alone")
parser.add_argument("--internal", action="store_true", help="only: is it taken?")
parser.add_argument("--external", action="store_true", help="only: is its study here, under whatever accession?")
parser.add_argument("--ingested", action="store_true", help="what only waits outside, or is gone, does not count")
parser.add_argument("--fresh", action="store_true", help="crawl first")
parser.add_argument("--json", action="store_true", help="JSON for a script")

if __name__ == "__main__":
    given = parser.parse_args()
    names = ("internal", "external", "ingested", "fresh", "json")
    flags = [f"--sources={given.sources_config}"] * bool(given.sources_config)
    flags += ["duplicates", "check", *(f"--{name}" for name in names if getattr(given, name))]
    sys.exit(main([*flags, "--", *given.accession]))
