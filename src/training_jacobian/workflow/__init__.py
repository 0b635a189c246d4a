"""From params.yaml to addresses: validation, plan, recipes, publishing, housekeeping.  No job imports it."""
