"""``python -m benchmarks``."""

import sys

if __name__ == "__main__":
    try:
        from .cli import run
    except ModuleNotFoundError as problem:
        print(
            f"benchmarks: {problem.name} is not installed; install it with: "
            "pip install -e '.[bench]'",
            file=sys.stderr,
        )
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))
