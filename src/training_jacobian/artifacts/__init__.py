"""Files in and out: where they lie, whether they are whole, what the system says.  Nothing here computes a number."""
