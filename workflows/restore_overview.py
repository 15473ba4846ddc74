#!/usr/bin/env python3
"""Puts back into the Google Sheet what was lost there; with `--as-of TIME`: the overview as it was then, beside it."""

import argparse
import sys

try:
    from app.cli import main
except ModuleNotFoundError as missing:
    sys.exit(f"{missing}: let `./run demo` install it, then say .venv/bin/python workflows/restore_overview.py")

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--as-of", help="a date (its end) or a time", metavar="TIME")
parser.add_argument("-g", "--google_client_secret", help="the key file of a Google service account")
parser.add_argument("-n", "--sheetname", help="the Google Sheet: its title, key or address")
parser.add_argument("--dry-run", action="store_true", help="show what would be written")

if __name__ == "__main__":
    given = parser.parse_args()
    options = {"--credentials": given.google_client_secret, "--sheet": given.sheetname, "--as-of": given.as_of}
    flags = [f"{name}={value}" for name, value in options.items() if value] + ["--dry-run"] * given.dry_run
    sys.exit(main(["restore", *flags]))
