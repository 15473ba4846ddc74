"""Measures crawls of a made-up tree, as whole processes, beside what a part of the same work costs at least.
The commands run in turn, round after round; the first round warms the caches and is not counted."""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.tree import PLACES, Tree, make

COMMANDS = {  # in this order: the command, and its peer
    "first crawl": ("ingest-tracker --config CONFIG crawl --json", "read"),
    "unchanged crawl": ("ingest-tracker --config CONFIG crawl --json", "list"),
    "why": ("ingest-tracker --config CONFIG why ACCESSION", "typer"),
    "help": ("ingest-tracker --help", "typer"),
    "read": (r"find PLACES \( -name '*idf.txt' -o -name '*sdrf.txt' \) -exec cat {} +", ""),
    "list": (r"find PLACES -type f -printf '%s\n'", ""),
    "typer": ("python -c 'import typer'", "python"),
    "python": ("python -c pass", ""),
    "nothing": ("true", ""),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--dir", help="where to make the tree, in a folder of its own that is removed afterwards")
    parser.add_argument("--datasets", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    if min(given.datasets, given.runs) < 1 or not Path(given.dir or ".").is_dir():
        parser.error("--datasets and --runs begin at 1; --dir is a folder that is there")
    with TemporaryDirectory(prefix="ingest-tracker-bench-", dir=given.dir) as directory:
        tree = make(Path(directory), given.datasets)
        rounds = [measured(tree) for _ in range(given.runs + 1)][1:]
        costs = {what: list(map(median, zip(*(costs[what] for costs in rounds), strict=True))) for what in COMMANDS}
        print(*report(tree, costs, given.runs), sep="\n")


def measured(tree: Tree) -> dict[str, list[float]]:
    """One round: each command once, the first crawl on no store at all."""
    shutil.rmtree(tree.config.parent / "var", ignore_errors=True)
    words = {"CONFIG": [str(tree.config)], "ACCESSION": tree.accessions[-1:], "python": [sys.executable]}
    words["PLACES"] = [str(tree.config.parent / "nfs" / name) for name in PLACES]
    words["ingest-tracker"] = [str(Path(sys.executable).with_name("ingest-tracker"))]
    return {what: cost(text, words) for what, (text, _) in COMMANDS.items()}


def cost(text: str, words: Mapping[str, Sequence[str]]) -> list[float]:
    """Of one process: wall s, CPU s, peak MiB. Nothing in its environment names a real site's store."""
    command = [part for word in shlex.split(text) for part in words.get(word, [word])]
    launch = [sys.executable, "-IS", str(Path(__file__).with_name("launch.py")), *command]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INGEST_TRACKER_")}
    done = subprocess.run(launch, env=environment, capture_output=True, text=True, check=False)
    code, *figures = done.stdout.split() or ["?"]
    if code != "0":
        sys.exit(f"benchmarks: {text}: exit code {code}: {''.join(done.stderr.splitlines()[-1:])}")
    return list(map(float, figures))


def report(tree: Tree, costs: Mapping[str, Sequence[float]], runs: int) -> Iterator[str]:
    sizes = [path.stat().st_size for path in tree.config.parent.glob("nfs/**/*") if path.is_file()]
    about = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in about if line.startswith("model name")), platform.machine())
    yield f"{len(tree.accessions)} datasets, {len(sizes)} files, {sum(sizes) / 2**20:.1f} MiB; warm; medians of {runs}."
    yield f"{model}, {os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}.\n"
    yield "| what | wall s | cpu s | peak MiB | wall to its peer's |\n|---|--:|--:|--:|--:|"
    for what, (wall, cpu, peak) in costs.items():
        ratio = f"{wall / costs[peer][0]:.2f} {peer}" if (peer := COMMANDS[what][1]) else ""
        yield f"| {what} | {wall:.3f} | {cpu:.3f} | {peak:.1f} | {ratio} |"
    yield "\n`PLACES`: the folders of the tree. A peak below that of nothing cannot be told.\n"
    yield from (f"- {what}: `{text}`" for what, (text, _) in COMMANDS.items())


if __name__ == "__main__":
    main()
