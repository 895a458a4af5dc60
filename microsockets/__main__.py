"""`python -m microsockets`."""

from .cli import main

main()
