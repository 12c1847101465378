"""Lets `python -m guildbank.app.cli` do what `guildbank` does."""

from guildbank.app.cli import main

if __name__ == "__main__":
    main()
