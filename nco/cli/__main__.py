"""`python -m nco.cli`, where the console script is not on the path."""

from nco.cli import main

if __name__ == "__main__":
    main()
