"""The parts of pages: one file each, Python beside the small Vue component it feeds."""
