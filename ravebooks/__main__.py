"""`ravebooks` and `python -m ravebooks`: loads the command line, which takes a second, and runs it."""

import signal


def main() -> None:
    """Run a command. Ctrl-C while the program is being loaded ends it without a word."""
    quietly = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if quietly:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from ravebooks import command_line

    if quietly:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command_line.run()


if __name__ == "__main__":
    main()
