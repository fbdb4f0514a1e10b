"""`python -m tests.simulation.interleaved`: seeds, or one of them again."""

from tests.simulation.interleaved.play import main, silent

if __name__ == "__main__":
    silent()
    main()
