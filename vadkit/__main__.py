"""`python -m vadkit` is `vadkit`."""

from vadkit.cli import main

if __name__ == "__main__":
    main()
