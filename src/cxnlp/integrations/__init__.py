"""Doors for other people's systems: one thin file each, which know nothing of each other."""
