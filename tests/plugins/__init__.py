"""Plugins of our own for pytest, switched on by the Makefile with ``-p``."""
