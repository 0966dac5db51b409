"""`python -m callcenter` is the command line."""

from callcenter.app.__main__ import main

main()
