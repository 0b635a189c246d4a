# One rule for each analysis, from its declaration (src/training_jacobian/analyses/<name>/__init__.py).
for name, analysis in catalog.ANALYSES.items():

    rule:
        name:
            name
        input:
            upstream(name),
        output:
            expand(under(name, "{{key}}/{file}"), file=analysis.files),
        log:
            f"results/logs/{name}/{{key}}.log",
        priority: urgency(0)
        conda:
            ENVIRONMENT
        threads: threads(name)
        resources:
            mem_mb=memory(name),
            runtime=minutes(name),
        params:
            stage=name,
            recipe=recipe_file,
            out=folder,
            more="--jax" if analysis.jax else "",
        shell:
            JOB
