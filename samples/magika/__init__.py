"""What kind of content is in a file: the Magika network, from bytes to a label.

The network, its configuration and the table of content types come out of the PyPI wheel
``magika``; the way from bytes to features (`features`) and from scores to a label (`labels`) is
written here and gives the answers of the ``magika`` package in its default mode.
"""
