shell.prefix(f"export PYTHONPATH={shlex.quote(os.path.join(workflow.basedir, 'src'))}; ")


wildcard_constraints:
    key="[0-9a-f]{12}",


def recipe_of(stage):
    """The recipe of a job, as JSON for its command line: an edit made while the workflow runs cannot reach it."""
    return lambda wildcards: recipe.canonical(PLAN.by_key[stage][wildcards.key])


def upstream(earlier):
    """Files of an earlier stage that a job reads.  They have keys: if they exist, they are right."""
    return lambda wildcards: ancient(PLAN.files(PLAN.run_of[wildcards.key], earlier))
