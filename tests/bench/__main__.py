"""`python -m tests.bench PART … --rounds 5`: what each part measures is in its own words."""

from __future__ import annotations

import argparse

from tests.bench import (
    answering,
    backfill,
    changes,
    fairness,
    growth,
    idle,
    profile,
    reads,
    receiving,
    recording,
    starting,
    throughput,
)

PARTS = {
    "receiving": receiving.run,
    "recording": recording.run,
    "changes": changes.run,
    "profile": profile.run,
    "throughput": throughput.run,
    "reads": reads.run,
    "backfill": backfill.run,
    "fairness": fairness.run,
    "answering": answering.run,
    "idle": idle.run,
    "growth": growth.run,
    "starting": starting.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="How fast the product is.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; without any, all")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    for part in asked.parts or PARTS:
        PARTS[part](asked.rounds)


if __name__ == "__main__":
    main()
