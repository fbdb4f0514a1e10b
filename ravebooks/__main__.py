"""`ravebooks` and `python -m ravebooks`: loads the command line and runs it."""

from ravebooks.loading import collecting_nothing, ending_quietly


def main() -> None:
    """Run a command. Ctrl-C while the program is being loaded ends it without a word."""
    with ending_quietly(), collecting_nothing():
        from ravebooks import command_line

    command_line.run()


if __name__ == "__main__":
    main()
