"""One file per data set: `Options`, `EXAMPLES`, `TRAIN`, `INPUTS`, `CLASSES`, `RAW`, `load()`.  Cheap to import.

`RAW` are its files, downloaded; `FILES` names others that it reads by itself.
"""
