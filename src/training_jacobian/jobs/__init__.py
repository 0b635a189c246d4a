"""What a process needs to be a job: its surroundings, threads, clock and streams.  Nothing here computes a number."""
