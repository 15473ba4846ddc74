#!/usr/bin/env python3
"""Crawls the places of a sources_config.json and says where every dataset stands: `run_status_crawler.py -s FILE`."""

import argparse
import sys

try:
    from app.cli import main
except ModuleNotFoundError as missing:
    sys.exit(f"{missing}: let `./run demo` install it, then say .venv/bin/python workflows/run_status_crawler.py")

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("-s", "--sources_config", required=True, help="where datasets are found")
parser.add_argument("-d", "--db_config", help="the curation databases")
parser.add_argument("-q", "--atlas_supported_species", action="extend", nargs="+", default=[], help="files, addresses")
parser.add_argument("-g", "--google_client_secret", help="the key file of a Google service account")
parser.add_argument("-n", "--sheetname", help="the Google Sheet: its title, key or address")
parser.add_argument("-o", "--google_output", help="accepted and ignored")
parser.add_argument("-v", "--verbose", action="store_true", help="say more")

if __name__ == "__main__":
    given = parser.parse_args()
    if given.google_output:
        print("note: --google_output is ignored: the sheet is named by --sheetname", file=sys.stderr)
    flags = ["--sources", given.sources_config, *(["--databases", given.db_config] if given.db_config else [])]
    flags += [f"--credentials={given.google_client_secret}"] * bool(given.google_client_secret)
    flags += [f"--sheet={given.sheetname}"] * bool(given.sheetname)
    flags += [f"--species={place}" for place in given.atlas_supported_species] + ["-v"] * given.verbose
    sys.exit(main([*flags, "crawl"]))
