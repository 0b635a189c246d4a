"""One function per stage: a recipe and input files in, an artifact out.  A module imports only what its stages need."""
