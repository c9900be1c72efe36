"""Commands that measure what the pages of docs/ claim, and write those pages: no number there is typed by hand.

`python -m studies` lists them, `python -m studies NAME` runs one. Nothing imports them and they are not in the wheel.
"""
