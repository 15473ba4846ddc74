#!/usr/bin/env python3
"""Crawls the places of a sources_config.json and says where every dataset stands: `run_status_crawler.py -s FILE`."""

import argparse
import sys

from app.cli import main


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("-s", "--sources_config", required=True, help="where datasets are found")
    add("-d", "--db_config", help="the curation databases")
    add("-q", "--atlas_supported_species", action="extend", nargs="+", default=[], help="files or addresses")
    add("-g", "--google_client_secret", help="accepted; there is no Google Sheet yet")
    add("-n", "--sheetname", help="accepted; there is no Google Sheet yet")
    add("-o", "--google_output", help="accepted and ignored")
    add("-v", "--verbose", action="store_true", help="say more")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    for name in ("google_client_secret", "sheetname", "google_output"):
        if getattr(given, name):
            print(f"note: --{name} is ignored: the overview goes to files, not yet to a Google Sheet", file=sys.stderr)
    flags = ["--sources", given.sources_config, *(["--databases", given.db_config] if given.db_config else [])]
    flags += [f"--species={place}" for place in given.atlas_supported_species] + ["-v"] * given.verbose
    sys.exit(main([*flags, "crawl"]))
